"""Which prompts the released STORM guides, by which words, and what it makes of adjectives."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spatialbench import plugins
from spatialbench.cli import main
from spatialbench.errors import UserError
from spatialbench.methods.storm import RELEASED
from spatialbench.methods.storm.adjectives import adjective_cost
from spatialbench.methods.storm.guided_words import guided_words
from spatialbench.methods.storm.loss import TransportLoss
from spatialbench.methods.storm.sides import Side
from spatialbench.plugins import GenerationSettings, ImageRequest
from spatialbench.prompt_transforms import with_transform
from spatialbench.prompts import Prompt
from tests.reference_data import reference, t2i_compbench_files


def unguided(prompts: Sequence[Prompt]) -> int:
    return sum(guided_words(prompt) is None for prompt in prompts)


def words_of(text: str) -> tuple[list[str], list[str | None]] | None:
    found = guided_words(Prompt("0", text, ""))
    if found is None:
        return None
    adjectives = [text[slice(*span)] if span else None for span in found.adjectives]
    return [text[slice(*span)] for span in found.nouns], adjectives


def test_of_geneval_position_one_prompt_is_guided() -> None:
    """The count made with the authors' selection: "photo" is a third noun in the others."""
    prompts = plugins.load("benchmark", "geneval").prompts("position")
    assert (unguided(prompts), len(prompts)) == (99, 100)
    notes = RELEASED.about_prompts(prompts)
    assert notes[0].startswith("storm-released: 99 of 100 prompts are not guided")


def test_of_t2i_compbench_144_prompts_are_not_guided(monkeypatch: pytest.MonkeyPatch) -> None:
    t2i_compbench_files(monkeypatch)
    benchmark = plugins.load("benchmark", "t2i-compbench")
    prompts = benchmark.prompts("2d")
    assert (unguided(prompts), len(prompts)) == (144, 300)
    for subset in ("3d", "numeracy", "complex"):
        unguided(benchmark.prompts(subset))
    with pytest.raises(UserError, match="2d, 3d, numeracy, complex"):
        unguided(benchmark.prompts("color"))


def test_of_visor_nearly_all_prompts_are_guided() -> None:
    """A sample of 3,000 had 4.2 % unguided and 4.7 % with adjectives."""
    prompts = plugins.load("benchmark", "visor").prompts("all")
    relational = [guided_words(prompt) for prompt in prompts if prompt.triplet]
    assert len(relational) == 25_280
    assert sum(found is None for found in relational) == 977
    assert sum(any(found.adjectives) for found in relational if found) == 1_127
    assert unguided(prompts) == 1_437


def test_the_selection_is_that_of_the_authors_function(
    clip_tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their function on CLIP's tokens, with spaCy's tags from a file that others made."""
    t2i_compbench_files(monkeypatch)
    packed = reference("t2i_whole", "text", "tags.json.gz").read_bytes()
    tags = json.loads(gzip.decompress(packed))["by_prompt"]

    def last(places: list[int]) -> list[int]:
        return [place for place, after in pairwise([*places, -1]) if place + 1 != after]

    def authors(text: str) -> tuple[list[str], list[str | None]] | None:
        ids = clip_tokenizer(text)["input_ids"]
        pieces = {i: clip_tokenizer.decode([ids[i]]).strip() for i in range(1, len(ids) - 1)}
        nouns = {word for word, kind, _ in tags[text] if kind in ("NOUN", "PROPN")}
        adjectives = {word for word, kind, _ in tags[text] if kind == "ADJ"}
        found = last([i for i, piece in pieces.items() if piece in nouns - {"left", "right"}])
        owned: list[str | None] = [None] * len(found)
        for place in last([i for i, piece in pieces.items() if piece in adjectives]):
            later = [which for which, noun in enumerate(found) if noun > place]
            if later:
                owned[later[0]] = pieces[place]
        return ([pieces[i] for i in found], owned) if len(found) == 2 else None

    benchmark = plugins.load("benchmark", "t2i-compbench")
    texts = [prompt.text for subset in ("2d", "3d") for prompt in benchmark.prompts(subset)]
    assert len(texts) == 600
    assert {text: words_of(text) for text in texts} == {text: authors(text) for text in texts}


def test_words_by_hand() -> None:
    assert words_of("a wine glass above a dog") == (["glass", "dog"], [None, None])
    assert words_of("a hot dog above a cat") == (["dog", "cat"], ["hot", None])
    # "hydrant" and "surfboard" are several tokens of CLIP.
    assert words_of("a fire hydrant above a cat") == (["fire", "cat"], [None, None])
    assert words_of("a surfboard above a cat") is None
    # spaCy takes this bear for a verb, and that one for none.
    assert words_of("a teddy bear below a suitcase") == (["teddy", "suitcase"], [None, None])
    assert words_of("a teddy bear above a suitcase") == (["bear", "suitcase"], [None, None])


@pytest.mark.parametrize(
    "text",
    [
        "a unicorn above a dog",
        "a dog above a dog",
        "a dog over a cat",
        "A dog above a cat",
        "a photo of a dog above a cat",
        "an dog above a cat",
        "",
    ],
)
def test_prompts_that_spacy_was_not_asked_about_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="add --set nouns=given"):
        guided_words(Prompt("7", text, ""))


def test_the_refusal_comes_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from spatialbench.methods.storm import guided_words as module

    known = module._table()
    monkeypatch.setattr(
        module, "_table", lambda: module._Table(known.kinds, frozenset(), {}, frozenset())
    )
    command = ["run", "--method", "storm-released", "--bench", "visor", "--limit", "2"]
    monkeypatch.chdir(tmp_path)
    for more in ([], ["--dry-run"]):
        assert main([*command, *more]) == 2
        assert "add --set nouns=given" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert main([*command, "--dry-run", "--set", "nouns=given"]) == 0


def test_rewritten_prompts_are_looked_up_as_they_are_sent() -> None:
    """Exchanged objects make another prompt of VISOR, and none of GenEval."""
    method = RELEASED.configure(GenerationSettings(backbone="lab"), {})
    sent = with_transform(method, "tore")
    visor = plugins.load("benchmark", "visor").prompts("relational")[:800]
    assert len(sent.about_prompts(visor)) == 1
    geneval = plugins.load("benchmark", "geneval").prompts("position")
    with pytest.raises(UserError, match=r"left of a .*--set nouns=given"):
        sent.about_prompts(geneval)
    given = RELEASED.configure(GenerationSettings(backbone="lab"), {"nouns": "given"})
    assert list(with_transform(given, "tore").about_prompts(geneval)) == []


def test_attend_and_excite_refuses_a_prompt_without_objects_before_loading() -> None:
    method = plugins.load("method", "attend-and-excite").configure(GenerationSettings(), {})
    with pytest.raises(UserError, match="names no object"):
        method.about_prompts([Prompt("3", "a sunny day", "none")])


def test_an_unguided_prompt_is_plain_sd_and_a_guided_one_is_not() -> None:
    benchmark = plugins.load("benchmark", "visor")
    wanted = {
        "a surfboard above a dog": True,
        "a cat above a dog": False,
        "a potted plant above a dog": False,
    }
    prompts = {p.text: p for p in benchmark.prompts("relational") if p.text in wanted}
    requests = [ImageRequest(prompts[text], 0, 42) for text in wanted]
    settings = GenerationSettings(backbone="lab", steps=5)
    stock = plugins.load("method", "sd").configure(settings, {}).generate(requests)
    plain = {"thresholds": "none"}
    guided = RELEASED.configure(settings, plain).generate(requests)
    given = RELEASED.configure(settings, {**plain, "nouns": "given"}).generate(requests)
    for ours, theirs, same in zip(guided, stock, wanted.values(), strict=True):
        assert np.array_equal(np.asarray(ours), np.asarray(theirs)) is same
    assert not np.array_equal(np.asarray(given[0]), np.asarray(stock[0]))


def test_the_adjectives_cost_against_every_matrix_written_out() -> None:
    generator = np.random.default_rng(0)
    noun, adjective = (generator.dirichlet(np.ones(6)).reshape(2, 3) for _ in range(2))
    a, b = noun.ravel(), adjective.ravel()
    cost = np.array(
        [[0.5 * abs(i - j) + 0.5 * abs(a[i] - b[j]) for j in range(6)] for i in range(6)]
    )
    cost /= cost.max()
    # What the iterations approach: the plan of these margins that is a scaled kernel.
    plan = np.exp(-cost / 0.1)
    for _ in range(20_000):
        plan *= (a / plan.sum(1))[:, None]
        plan *= b / plan.sum(0)
    found = adjective_cost(torch.from_numpy(noun), torch.from_numpy(adjective))
    assert float(found) == pytest.approx((plan * cost).sum(), rel=1e-3)
    same = torch.from_numpy(noun)
    assert float(adjective_cost(same, same)) < float(found)


def test_adjectives_count_from_step_7_as_a_mean() -> None:
    side = Side("x", True, False, True, "x")
    maps = torch.rand(1, 4, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    masses = maps / maps.sum((-2, -1), keepdim=True)
    costs = [float(adjective_cost(masses[0, i], masses[0, 2 + i])) for i in (0, 1)]
    wanted = {(False, False): 0.0, (True, False): costs[0], (False, True): costs[1]}
    wanted[True, True] = sum(costs) / 2
    for present, more in wanted.items():
        with_them, without = TransportLoss([[side]], [present]), TransportLoss([[side]])
        assert with_them(maps, [0], 6.9) == without(maps, [0], 6.9)
        added = with_them(maps, [0], 7.0) - without(maps, [0], 7.0)
        assert float(added) == pytest.approx(more, abs=1e-6)
