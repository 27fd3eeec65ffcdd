"""Tokenizers and image processors: damaged, of another model, or made of files elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spatialbench.errors import UserError
from spatialbench.weights.parts_beside import load_beside
from tests.tiny_models import clip_tokenizer, edit_json, word_tokenizer

CHANGES: dict[str, tuple[Any, ...]] = {
    "image_mean": ([], ["a"], None, "wide"),
    "image_std": ([], None, [0, 0, 0], "wide"),
    "resample": (-1, None, "wide"),
    "rescale_factor": ("wide", [], None, {}),
    "size": (3.5, None, [], "wide", {"a": 1}, {"height": -1, "width": -1}),
}
KINDS = ("DPT", "Sam", "OwlViT", "Owlv2", "GroundingDino", "Mask2Former")


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_processor_is_tried_when_it_is_loaded(tmp_path: Path, kind: str) -> None:
    """Before, each of these was a traceback at the first image."""
    import transformers

    name = f"{kind}ImageProcessorPil"
    small = {"size": {"height": 32, "width": 32}} if kind == "Owlv2" else {}
    getattr(transformers, name)(**small).save_pretrained(tmp_path)
    path = tmp_path / "preprocessor_config.json"
    sound = path.read_text()
    said = []
    for key, values in CHANGES.items():
        for value in values:
            path.write_text(json.dumps(json.loads(sound) | {key: value}))
            try:
                load_beside(name, tmp_path)
            except UserError as error:
                said.append(str(error))
    assert len(said) >= 12, "some classes do without some keys"
    for text in said:
        assert text.startswith(f"cannot load the image processor of {tmp_path}")
        assert "\n" not in text
    path.write_text(sound)
    assert load_beside(name, tmp_path)


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    """Before, the first prompt ended in "index out of range in self"."""
    word_tokenizer().save_pretrained(tmp_path)
    most = max(word_tokenizer().get_vocab().values())
    assert load_beside("AutoTokenizer", tmp_path, most + 1)
    with pytest.raises(UserError, match=rf"has tokens up to {most}, and its model knows {most}:"):
        load_beside("AutoTokenizer", tmp_path, most)


def test_a_tokenizer_that_cannot_read_a_text_is_refused(tmp_path: Path) -> None:
    """Without its configuration this one has an unknown word that it does not know."""
    folder = tmp_path / "words"
    word_tokenizer().save_pretrained(folder)
    (folder / "config.json").write_text('{"model_type": "owlvit"}')
    assert load_beside("AutoTokenizer", folder)
    lengths: tuple[object, ...] = ("wide", [])
    for length in lengths:
        edit_json(folder / "tokenizer_config.json", model_max_length=length)
        with pytest.raises(UserError, match="cannot load the tokenizer of"):
            load_beside("AutoTokenizer", folder)
    (folder / "tokenizer_config.json").unlink()
    with pytest.raises(UserError, match="cannot load the tokenizer of"):
        load_beside("AutoTokenizer", folder)


@pytest.mark.parametrize("key", ["vocab", "merges"])
def test_words_of_a_file_elsewhere_are_refused(tmp_path: Path, key: str) -> None:
    """The library reads the file that is named, and no identity would hold it."""
    folder, outside = tmp_path / "model", tmp_path / "outside.json"
    folder.mkdir()
    words = clip_tokenizer().get_vocab()
    (folder / "vocab.json").write_text(json.dumps(words))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    config = folder / "tokenizer_config.json"
    config.write_text('{"tokenizer_class": "CLIPTokenizer", "model_max_length": 16}')
    assert load_beside("CLIPTokenizer", folder)
    outside.write_text(json.dumps(dict(zip(words, reversed(words.values()), strict=True))))
    for kind in ("CLIPTokenizer", "AutoTokenizer"):
        edit_json(config, **{key: str(outside)})
        with pytest.raises(UserError, match=rf"names the file '.*outside\.json' \({key}\)"):
            load_beside(kind, folder)
