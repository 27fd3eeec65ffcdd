"""Reading summaries, and finding runs below a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spatialbench.errors import UserError
from spatialbench.reports.results import find_runs, read_summary
from spatialbench.scoring.other_rules import run_of
from spatialbench.scoring.summary import Summary

from .test_tables import RESULT


def _run(folder: Path, text: str | None = None) -> Path:
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    (folder / "summary.json").write_text(json.dumps(RESULT) if text is None else text)
    return folder


def test_a_summary_is_read(tmp_path: Path) -> None:
    result = read_summary(_run(tmp_path / "run"))
    assert (result.method, result.images, result.partial) == ("sd", 100, True)
    assert result.metric("OA") == 62.031


def test_a_run_without_summary_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="spatialbench status"):
        read_summary(tmp_path)


def test_another_rules_damaged_summary_says_which_run_to_score(tmp_path: Path) -> None:
    run = _run(tmp_path / "run", json.dumps(RESULT))
    other = _run(run / "rules" / "corrected", "{")
    assert find_runs([run]) == [run, other]
    with pytest.raises(UserError, match=f"delete it, or score {run} with that --rule again"):
        read_summary(other)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", json.dumps({**RESULT, "images": "many"}), '{"images": 1}']
)
def test_a_damaged_summary_is_no_result(tmp_path: Path, text: str) -> None:
    run = _run(tmp_path / "run", text)
    with pytest.raises(UserError, match="is not a summary this version reads"):
        read_summary(run)


def test_runs_are_found_below_a_folder_once(tmp_path: Path) -> None:
    one, two = _run(tmp_path / "visor" / "sd@lab" / "1"), _run(tmp_path / "visor" / "x@lab" / "2")
    assert find_runs([tmp_path, one]) == [one, two]
    assert find_runs([two]) == [two]


def test_summaries_by_other_rules_come_after_the_run(tmp_path: Path) -> None:
    one, two = _run(tmp_path / "1"), _run(tmp_path / "2")
    other = one / "rules" / "pse-1"
    other.mkdir(parents=True)
    (other / "summary.json").write_text((one / "summary.json").read_text())
    (one / "rules" / "gone").mkdir()
    assert find_runs([tmp_path]) == [one, other, two]
    assert [run_of(folder) for folder in (one, other)] == [one, one]


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    """To a folder above, to each other, and to itself; a link to a run is followed."""
    run = _run(tmp_path / "elsewhere" / "run")
    for name in ("a", "b"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    (tmp_path / "runs" / "a" / "up").symlink_to("..")
    (tmp_path / "runs" / "a" / "other").symlink_to("../b")
    (tmp_path / "runs" / "b" / "other").symlink_to("../a")
    (tmp_path / "runs" / "self").symlink_to("self")
    (tmp_path / "runs" / "linked").symlink_to(run)
    assert find_runs([tmp_path / "runs"]) == [tmp_path / "runs" / "linked"]


def test_a_folder_without_scored_run(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "manifest.json").write_text("{}")
    with pytest.raises(UserError, match="holds no scored run"):
        find_runs([tmp_path])
    with pytest.raises(UserError, match="there is no run directory"):
        find_runs([tmp_path / "nowhere"])


@pytest.mark.parametrize(
    ("backbone", "detector", "lab"),
    [
        ("lab@0123456", "lab-owlvit@89abcde", True),
        ("lab", "owlvit-base-patch32@cbc355f", True),
        ("local@0123456", "lab-owlvit@89abcde", True),
        ("sd2.1-base@4e63672", "owlvit-base-patch32@cbc355f", False),
        ("labour/model@0123456", "owlvit-base-patch32@cbc355f", False),
    ],
)
def test_what_counts_as_the_lab(backbone: str, detector: str, lab: bool) -> None:
    assert Summary.of({**RESULT, "backbone": backbone, "detector": detector}).is_lab is lab
