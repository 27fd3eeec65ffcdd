"""The prompts against the official files, and files that are not the official ones."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from spatialbench.benchmarks.t2i_compbench import PLUGIN, sources
from spatialbench.benchmarks.t2i_compbench.counting import NUMBERS, wanted_objects
from spatialbench.benchmarks.t2i_compbench.prompts import SUBSETS, prompts, read_prompts
from spatialbench.errors import UserError
from spatialbench.relations import Relation
from tests.reference_data import reference


def test_objects_and_relations_are_those_of_the_table(official_files: Path) -> None:
    table = json.loads(reference("t2i_spatial_val_parsed.json").read_text())
    ours = [
        {
            "prompt": prompt.text,
            "relation": prompt.facts["locality"],
            "objects": list(prompt.facts["words"]),
        }
        for prompt in prompts("2d")
    ]
    assert ours == [{key: row[key] for key in ours[0]} for row in table]
    assert [prompt.id for prompt in prompts("2d")] == [f"2d_{row['line']}" for row in table]


@pytest.mark.usefixtures("official_files")
def test_relations_of_all_categories() -> None:
    counts = {name: Counter(prompt.task for prompt in prompts(name)) for name in SUBSETS}
    assert counts["2d"] == {
        "on the top of": 56,
        "on the right of": 56,
        "on the bottom of": 52,
        "on the left of": 51,
        "on side of": 37,
        "next to": 24,
        "near": 24,
    }
    assert counts["3d"] == {"hidden by": 115, "in front of": 102, "behind": 83}
    assert sum(counts["numeracy"].values()) == 300
    assert sum(counts["complex"].values()) == 58
    for name in SUBSETS:
        assert len({prompt.id for prompt in prompts(name)}) == len(prompts(name))


@pytest.mark.usefixtures("official_files")
def test_triplets_keep_the_words_of_the_text() -> None:
    girl = prompts("2d")[1]
    assert girl.text == "a girl on the top of a frog"
    assert girl.triplet is not None
    assert (girl.triplet.subject, girl.triplet.relation) == ("girl", Relation.ABOVE)
    assert girl.facts["words"] == ("person", "frog")
    assert PLUGIN.labels(girl) == ("person", "frog")
    for prompt in (*prompts("2d"), *prompts("3d"), *prompts("complex")):
        assert all(name in prompt.text for name in prompt.objects)


@pytest.mark.usefixtures("official_files")
def test_every_number_has_its_object() -> None:
    for prompt in prompts("numeracy"):
        names, numbers = wanted_objects(prompt.facts["words"], sources.plurals())
        assert len(names) == len(numbers) > 0
        assert set(names) == set(prompt.objects)
        said = [NUMBERS[w] for w in prompt.facts["words"] if w in NUMBERS]
        # Some sentences go on ("for a recipe") with a number word that counts nothing listed.
        assert numbers == said[: len(numbers)]


def test_complex_names_of_several_words() -> None:
    lines = [
        "The red hat was on top of the brown coat rack.",
        "The blue water bottle was on top of the red backpack.",
        "The soft pillow was on top of the hard rocking chair.",
    ]
    words = [prompt.facts["words"] for prompt in read_prompts("complex", lines)]
    assert words == [("hat", "coat"), ("bottle", "backpack"), ("pillow", "chair")]


def test_official_files_come_back_byte_for_byte(official_files: Path) -> None:
    assert PLUGIN.official_prompts("2d") == (official_files / "spatial_val.txt").read_bytes()


def test_lines_outside_the_template_are_listed() -> None:
    lines = ["a dog near a cat", "dogs everywhere", "a dog behind a cat"]
    with pytest.raises(UserError) as caught:
        read_prompts("2d", lines)
    assert "2 prompt(s)" in str(caught.value)
    assert "line 2: 'dogs everywhere'; line 3: 'a dog behind a cat'" in str(caught.value)


def test_without_the_files_the_error_says_how_to_get_them() -> None:
    with pytest.raises(UserError, match="spatialbench fetch t2i-compbench") as caught:
        prompts("2d")
    assert sources.FOLDER_VARIABLE in str(caught.value)


def test_an_altered_file_is_refused(
    official_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = (official_files / "spatial_val.txt").read_bytes()
    (tmp_path / "spatial_val.txt").write_bytes(content.replace(b"\r\n", b"\n"))
    monkeypatch.setenv(sources.FOLDER_VARIABLE, str(tmp_path))
    with pytest.raises(UserError, match="is not the pinned spatial_val"):
        prompts("2d")


def test_the_fetched_files_are_pinned(official_files: Path) -> None:
    assert {file.name for file in PLUGIN.files} <= {p.name for p in official_files.iterdir()}
    assert all(sources.COMMIT in file.url for file in PLUGIN.files)


def test_unknown_prompt_set() -> None:
    with pytest.raises(UserError, match="unknown T2I-CompBench prompt set '4d'"):
        prompts("4d")
