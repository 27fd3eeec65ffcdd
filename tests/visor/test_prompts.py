"""The generated prompt set is the official one."""

from __future__ import annotations

import hashlib
import json
from collections import Counter

import pytest

from spatialbench.benchmarks.visor.prompts import SUBSETS, official_json, prompts
from spatialbench.errors import UserError
from spatialbench.prompts import with_article
from spatialbench.relations import find_relations


def test_official_file_byte_for_byte() -> None:
    content = official_json("all")
    assert len(content) == 7_083_100
    assert (
        hashlib.sha256(content).hexdigest()
        == "ebe9b1199fd3c00aeb32f04b17d947319f40eb6edb87e97621277e5b61379048"
    )


@pytest.mark.parametrize(
    ("prompt_id", "text"),
    [
        (1103, "a kite to the right of a bicycle"),
        (11036, "a cat below a bottle"),
        (19100, "a frisbee to the left of a cake"),
        (31679, "a toothbrush"),
    ],
)
def test_known_ids(prompt_id: int, text: str) -> None:
    assert prompts("all")[prompt_id].text == text
    assert prompts("all")[prompt_id].id == str(prompt_id)


def test_sizes_of_the_subsets() -> None:
    assert {name: len(prompts(name)) for name in SUBSETS} == {
        "relational": 25_280,
        "all": 31_680,
        "and": 6_320,
        "single": 80,
    }
    tasks = Counter(prompt.task for prompt in prompts("relational"))
    assert tasks == dict.fromkeys(["left", "right", "above", "below"], 6_320)


def test_triplets_say_what_the_text_says() -> None:
    for prompt in prompts("all"):
        found = find_relations(prompt.text)
        if prompt.triplet is None:
            assert prompt.task in {"and", "single"}
            assert not found
            continue
        (match,) = found
        assert match.relation is prompt.triplet.relation
        assert prompt.text[: match.start] == with_article(prompt.triplet.subject) + " "
        assert prompt.text[match.end :] == " " + with_article(prompt.triplet.object)
        assert prompt.objects == (prompt.triplet.subject, prompt.triplet.object)
        assert prompt.task == prompt.triplet.relation


def test_a_subset_as_official_file_keeps_the_ids() -> None:
    entries = json.loads(official_json("single"))
    assert [entry["unique_id"] for entry in entries] == list(range(31_600, 31_680))
    assert entries[4]["text"] == "an airplane"
    assert entries[4]["obj_2_attributes"] == [None]


def test_unknown_subset_names_the_near_one() -> None:
    with pytest.raises(UserError, match="did you mean relational"):
        prompts("relation")


@pytest.mark.parametrize("subset", ["relational", "and", "single"])
def test_a_subset_is_part_of_the_whole(subset: str) -> None:
    """With the ids, which count the prompts of the others."""
    own = {p.task for p in prompts(subset)}
    assert prompts(subset) == tuple(p for p in prompts("all") if p.task in own)
    assert own == ({"left", "right", "above", "below"} if subset == "relational" else {subset})
