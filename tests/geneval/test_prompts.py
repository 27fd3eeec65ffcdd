"""The regenerated prompts against the official file, and the recipe's own regularities."""

from __future__ import annotations

import hashlib
import json
from collections import Counter

import pytest

from spatialbench.benchmarks.geneval import PLUGIN
from spatialbench.benchmarks.geneval.names import CLASSES
from spatialbench.benchmarks.geneval.prompts import SUBSETS, prompts
from spatialbench.benchmarks.geneval.recipe import OFFICIAL_SHA256, TAGS, metadata, metadata_text
from spatialbench.errors import UserError
from spatialbench.relations import find_relations
from tests.reference_data import reference


def test_the_official_file_byte_for_byte() -> None:
    content = PLUGIN.official_prompts("all")
    assert hashlib.sha256(content).hexdigest() == OFFICIAL_SHA256


def test_the_official_file_itself() -> None:
    official = reference("geneval", "evaluation_metadata.jsonl").read_bytes()
    assert PLUGIN.official_prompts("all") == official
    lines = official.splitlines(keepends=True)
    assert PLUGIN.official_prompts("position") == b"".join(lines[353:453])


def test_numbers_of_prompts() -> None:
    assert Counter(prompt.task for prompt in prompts("all")) == {
        "single_object": 80,
        "two_object": 99,
        "counting": 80,
        "colors": 94,
        "position": 100,
        "color_attr": 100,
    }
    relations = Counter(prompt.triplet.relation for prompt in prompts("position") if prompt.triplet)
    assert relations == {"below": 28, "right": 27, "above": 26, "left": 19}
    assert len({prompt.text for prompt in prompts("all")}) == 553
    assert set(SUBSETS) == {"all", *TAGS}


def test_ids_are_the_official_folders() -> None:
    assert [prompt.id for prompt in prompts("all")] == [f"{line:05d}" for line in range(553)]
    assert prompts("position")[0].id == "00353"


def test_triplets_say_what_the_text_says() -> None:
    for prompt in prompts("position"):
        assert prompt.triplet is not None
        (match,) = find_relations(prompt.text)
        before, after = prompt.text[: match.start], prompt.text[match.end :]
        assert before.strip().endswith(prompt.triplet.subject)
        assert after.strip().endswith(prompt.triplet.object)
        assert match.relation is prompt.triplet.relation
        assert prompt.objects == (prompt.triplet.subject, prompt.triplet.object)


def test_another_seed_draws_other_prompts() -> None:
    other = metadata(44)
    assert {entry["prompt"] for entry in other[:80]} == {e["prompt"] for e in metadata()[:80]}
    assert metadata_text(other) != metadata_text(metadata())
    assert len(metadata(43, 10)) <= 80 + 50


def test_every_record_is_json_of_one_line() -> None:
    for line in PLUGIN.official_prompts("counting").splitlines():
        record = json.loads(line)
        assert record["exclude"][0]["count"] == record["include"][0]["count"] + 1
        assert record["include"][0]["class"] in CLASSES


def test_unknown_prompt_set() -> None:
    with pytest.raises(UserError, match="unknown GenEval prompt set 'positions'"):
        prompts("positions")
