"""The word-level tokenizer knows every word of every caption and of the benchmarks' prompts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spatialbench.lab.tokenizer import END, MAX_TOKENS, START, build_tokenizer
from spatialbench.lab.world import sample_scene
from spatialbench.plugins import load


def test_a_prompt_is_framed_and_padded() -> None:
    tokenizer = build_tokenizer()
    ids = tokenizer("A photo of a dog", padding="max_length").input_ids
    assert tokenizer.convert_ids_to_tokens(ids)[:7] == [
        START, "a", "photo", "of", "a", "dog", END,
    ]  # fmt: skip
    assert len(ids) == MAX_TOKENS
    assert set(ids[7:]) == {tokenizer.pad_token_id}


def test_the_ids_are_what_owlvit_expects() -> None:
    """Its text tower finds the end by arg max of the ids; a query that starts with 0 is none."""
    tokenizer = build_tokenizer()
    assert tokenizer("a dog").input_ids[0] == tokenizer.bos_token_id > 0
    assert tokenizer.eos_token_id == max(tokenizer.get_vocab().values())


def test_no_caption_and_no_visor_prompt_has_an_unknown_word_or_is_cut() -> None:
    tokenizer = build_tokenizer()
    rng = np.random.default_rng(0)
    texts = [sample_scene(rng).caption for _ in range(2000)]
    texts += [prompt.text for prompt in load("benchmark", "visor").prompts("all")[::7]]
    for ids in tokenizer(texts).input_ids:
        assert tokenizer.unk_token_id not in ids
        assert len(ids) <= MAX_TOKENS


def test_it_survives_saving(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = build_tokenizer()
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    text = "a wine glass to the left of an apple"
    assert loaded(text).input_ids == tokenizer(text).input_ids
    assert loaded.model_max_length == MAX_TOKENS
