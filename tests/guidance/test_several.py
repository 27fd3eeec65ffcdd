"""Prompts of several relations: their words, and what a run of them is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spatialbench import plugins
from spatialbench.cli import main
from spatialbench.errors import UserError
from spatialbench.guidance.nouns import guided_spans, guided_triplets, triplet_spans
from spatialbench.guidance.several import ALL, FIRST, guided
from spatialbench.plugins import GenerationSettings
from spatialbench.prompt_transforms import with_transform
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import Relation
from spatialbench.runs.manifest import same_identity


def several(text: str, *asked: tuple[str, Relation, str]) -> Prompt:
    triplets = tuple(Triplet(*one) for one in asked)
    names = tuple(dict.fromkeys(name for t in triplets for name in (t.subject, t.object)))
    return Prompt("1", text, "two", triplets[0], names, {"triplets": triplets})


SHARED = several(
    "a dog left of a hot dog and above a cat",
    ("dog", Relation.LEFT, "hot dog"),
    ("dog", Relation.ABOVE, "cat"),
)
TWICE = several(
    "a dog left of a cat and a dog left of a bird",
    ("dog", Relation.LEFT, "cat"),
    ("dog", Relation.LEFT, "bird"),
)
CHAIN = several(
    "a cat above a dog and a bird right of the dog",
    ("cat", Relation.ABOVE, "dog"),
    ("bird", Relation.RIGHT, "dog"),
)
SINGLE = Prompt("2", "a dog above a cat", "above", Triplet("dog", Relation.ABOVE, "cat"))


@pytest.mark.parametrize(
    ("prompt", "wanted"),
    [
        (SHARED, [(2, 16), (2, 36)]),
        # The second relation has a dog of its own.
        (TWICE, [(2, 16), (26, 40)]),
        (CHAIN, [(2, 14), (24, 42)]),
    ],
)
def test_each_relation_has_its_own_words(prompt: Prompt, wanted: list[tuple[int, int]]) -> None:
    triplets = guided_triplets(prompt)
    found = triplet_spans(prompt, triplets)
    assert [(a[0], b[0]) for a, b in found] == wanted
    names = [[prompt.text[slice(*span)] for span in pair] for pair in found]
    assert names == [[t.subject, t.object] for t in triplets]
    (alone,) = guided([prompt], FIRST)
    assert guided_triplets(alone) == (prompt.triplet,)
    assert alone.text == prompt.text
    assert guided([prompt, SINGLE], ALL) == [prompt, SINGLE]


def test_an_object_of_two_relations_is_one_object() -> None:
    names = [SHARED.text[slice(*span)] for span in guided_spans(SHARED)]
    assert names == ["dog", "hot dog", "cat"]
    assert len(guided_spans(*guided([SHARED], FIRST))) == 2
    two = Prompt("3", "a dog left of a dog", "left", Triplet("dog", Relation.LEFT, "dog"))
    assert guided_spans(two) == ((2, 5), (16, 19))


@pytest.mark.parametrize("name", ["infsplign", "storm-corrected", "attend-and-excite"])
def test_only_a_run_of_several_relations_has_another_identity(name: str) -> None:
    plugin = plugins.load("method", name)
    method = plugin.configure(GenerationSettings(), {})
    plain = method.identity()
    assert "relations" not in plain["parameters"]
    assert method.identity_for([SINGLE]) == plain
    asked = method.identity_for([SINGLE, SHARED])
    assert asked["parameters"] == {**plain["parameters"], "relations": "all"}
    first = plugin.configure(GenerationSettings(), {"relations": "first"})
    assert first.identity_for([SHARED]) == plain
    (said,) = first.about_prompts([SINGLE, SHARED])
    assert "1 of 2 prompts ask for several relations, of which the first alone is guided" in said
    assert method.about_prompts([SINGLE, SHARED]) == []
    sent = with_transform(method, "tore")
    assert sent.identity_for([SHARED])["parameters"]["relations"] == "all"
    with pytest.raises(UserError, match=f"unknown relations of {name} 'both'"):
        plugin.configure(GenerationSettings(), {"relations": "both"})


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("infsplign-released", {}),
        ("storm-released", {"nouns": "given"}),
        ("revision", {"guides": "lab"}),
    ],
)
def test_what_guides_the_first_alone_says_so(name: str, given: dict[str, str]) -> None:
    plugin = plugins.load("method", name)
    assert "relations" not in plugin.parameters
    method = plugin.configure(GenerationSettings(), given)
    assert method.identity_for([SHARED]) == method.identity()
    assert any("the first alone is guided" in one for one in method.about_prompts([SHARED]))


def test_a_run_that_guided_the_first_is_refused_and_told_how_to_go_on(tmp_path: Path) -> None:
    file = tmp_path / "prompts.txt"
    file.write_text("a dog left of a cat and above a bird\n", "utf-8")
    run = ["run", "--method", "infsplign", "--bench", f"own-prompts:{file}", "--steps", "2"]
    run += ["--out", str(tmp_path / "run")]
    first = [*run, "--set", "relations=first"]
    assert main(first) == 0
    images = [path.read_bytes() for path in sorted((tmp_path / "run/images").rglob("*.png"))]
    assert main(run) == 2
    assert main(first) == 0
    assert main([*run[:-1], str(tmp_path / "all")]) == 0
    others = [path.read_bytes() for path in sorted((tmp_path / "all/images").rglob("*.png"))]
    assert len(images) == len(others)
    assert images != others


def test_the_refusal_names_the_setting_and_only_where_it_is_the_reason() -> None:
    plugin = plugins.load("method", "infsplign")
    method = plugin.configure(GenerationSettings(), {})
    old: dict[str, Any] = {"generator": method.identity()}
    new = {"generator": method.identity_for([SHARED])}
    with pytest.raises(UserError, match="add --set relations=first to go on with it"):
        same_identity(Path("run"), old, new)
    steps = plugin.configure(GenerationSettings(steps=3), {})
    with pytest.raises(UserError, match="give the options it was made with"):
        same_identity(Path("run"), old, {"generator": steps.identity_for([SHARED])})


def test_all_relations_of_a_prompt_are_listed(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["prompts", "--bench", "complex:lab", "--limit", "1", "--format", "jsonl"]) == 0
    record = json.loads(capfd.readouterr().out)
    assert [record["subject"], record["relation"], record["object"]] == record["relations"][0]
    assert len(record["relations"]) == 2
    assert main(["prompts", "--bench", "visor", "--limit", "1", "--format", "jsonl"]) == 0
    assert "relations" not in json.loads(capfd.readouterr().out)
