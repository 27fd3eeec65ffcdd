"""Ceilings against the figures that were counted by hand from the official label list."""

from __future__ import annotations

import json

import pytest

from spatialbench.benchmarks.t2i_compbench import PLUGIN
from spatialbench.benchmarks.t2i_compbench.ceiling import best_answers, vocabulary
from spatialbench.benchmarks.t2i_compbench.prompts import prompts
from tests.reference_data import reference


@pytest.mark.usefixtures("official_files")
@pytest.mark.parametrize(
    ("rule", "ceiling", "dead"), [("2d-official", 200 / 300, 100), ("2d-infsplign", 237 / 300, 63)]
)
def test_known_ceilings(rule: str, ceiling: float, dead: int) -> None:
    answers = best_answers(PLUGIN.rules[rule], prompts("2d"))
    assert sum(answers) / 300 == pytest.approx(ceiling, abs=1e-6)
    assert sum(answer == 0 for answer in answers) == dead


@pytest.mark.usefixtures("official_files")
def test_dead_prompts_are_those_of_the_table() -> None:
    table = json.loads(reference("t2i_spatial_val_parsed.json").read_text())
    answers = best_answers(PLUGIN.rules["2d-official"], prompts("2d"))
    assert [answer == 0 for answer in answers] == [bool(row["never_matched"]) for row in table]


@pytest.mark.usefixtures("official_files")
def test_only_wallets_stay_unfound_when_corrected() -> None:
    answers = best_answers(PLUGIN.rules["2d-corrected"], prompts("2d"))
    for prompt, answer in zip(prompts("2d"), answers, strict=True):
        assert (answer == 0) == ("wallet" in prompt.text)


@pytest.mark.usefixtures("official_files")
def test_the_note_says_it() -> None:
    (note,) = PLUGIN.notes(prompts("2d"), "t2i-2d-official/1")
    assert "66.67" in note
    assert "100 of 300 prompts" in note
    assert "with UniDet's labels" in note


@pytest.mark.usefixtures("official_files")
@pytest.mark.parametrize("rule", ["2d-official", "2d-corrected"])
def test_the_ceiling_is_that_of_the_detector_in_use(rule: str) -> None:
    """One that is asked for the words of a prompt answers in them: nothing is out of its reach."""
    chosen = PLUGIN.rules[rule]
    for detector in ("owlvit-base-patch32@cbc355f", "lab-owlvit@3550ceb"):
        (note,) = PLUGIN.notes(prompts("2d"), chosen.name, detector)
        assert "UniDet" not in note
        assert f"the prompts' own words as {detector} is asked: 100.00 (0 of 300" in note
    (note,) = PLUGIN.notes(prompts("2d"), chosen.name, "unidet-rs200@1234567")
    assert "with UniDet's labels" in note
    # Nobody said what looked at results from elsewhere.
    (note,) = PLUGIN.notes(prompts("2d"), chosen.name, "external")
    assert "with UniDet's labels (which detector looked is not known)" in note


def test_the_vocabulary_is_part_of_the_detectors() -> None:
    labels = json.loads(reference("unidet_labels.json").read_text())
    assert set(vocabulary()) <= set(labels)
    assert list(vocabulary()) == sorted(set(vocabulary()))
