"""``--name`` and ``--label``: what a run is called in tables, which is no part of what it is."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from .conftest import Command

RUN = ("run", "--method", "painter", "--bench", "squares", "--limit", "8")
MINE = "my LoRA, 0.7"


def test_a_name_changes_nothing_but_the_tables(spatialbench: Command) -> None:
    plain = spatialbench(*RUN, "--out", "a")
    before = json.loads(Path("a/manifest.json").read_text())
    assert "name" not in before
    named = spatialbench(*RUN, "--out", "a", "--name", MINE)
    assert named.status == 0, named.err
    assert "generate: 8/8" not in named.err.replace("16/16", "")
    assert named.out == plain.out.replace("squares: painter on", f"squares: {MINE} on")
    after = json.loads(Path("a/manifest.json").read_text())
    assert after.pop("name") == MINE
    for unlike in ("command", "machines"):
        before.pop(unlike), after.pop(unlike)
    assert after == before
    # Any other command keeps it, and another name takes its place.
    spatialbench(*RUN, "--out", "a")
    for verb in ("score", "status"):
        assert MINE in spatialbench(verb, "a").out
    assert json.loads(spatialbench("score", "a", "--format", "json").out)["name"] == MINE
    spatialbench(*RUN, "--out", "a", "--name", "another")
    assert "squares: another on" in spatialbench("score", "a").out
    assert json.loads(Path("a/summary.json").read_text())["method"] == "painter"


def test_every_report_has_the_name(spatialbench: Command) -> None:
    spatialbench(*RUN, "--out", "a", "--name", MINE, "--set", "skill=0.9")
    spatialbench(*RUN, "--out", "b", "--set", "skill=0.1")
    spatialbench(*RUN, "--out", "c", "--set", "skill=0.2")
    for form in ("table", "md", "latex", "html", "csv", "json"):
        text = spatialbench("leaderboard", "a", "b", "c", "--format", form).out
        assert MINE in text
        assert "painter (skill=0.2)" in text
        assert (
            "your LoRA"
            in spatialbench("leaderboard", "a", "b", "--format", form, "--label", "a=your LoRA").out
        )
    rows = list(
        csv.DictReader(io.StringIO(spatialbench("leaderboard", "a", "--format", "csv").out))
    )
    assert (rows[0]["name"], rows[0]["method"]) == (MINE, "painter")
    titles = spatialbench("compare", "b", "c", "a").out
    assert titles.startswith("squares: A = painter (skill=0.1) on paint@0000001, B = painter (")
    assert f"C = {MINE} on paint@0000001" in titles
    labelled = spatialbench("compare", "a", "b", "--label", "b=the other", "--format", "json")
    document = json.loads(labelled.out)
    assert document["reference"]["name"] == MINE
    assert document["comparisons"][0]["name"] == "the other"
    assert document["comparisons"][0]["method"] == "painter"
    spatialbench("gallery", "a", "--out", "g")
    assert MINE in Path("g/index.html").read_text()
    assert spatialbench("gate", "a", "--write", "gate.json").status == 0
    assert MINE in spatialbench("gate", "a", "--against", "gate.json").out


@pytest.mark.parametrize("name", ["", "x" * 81, "a\x1b[2Jb"])
def test_no_name(spatialbench: Command, name: str) -> None:
    for how in ((), ("--dry-run",)):
        failed = spatialbench(*RUN, "--name", name, "--out", "a", *how)
        assert failed.status == 2
        assert "--name" in failed.err
    assert not Path("a").exists()


def test_labels_are_for_runs_of_the_table(spatialbench: Command) -> None:
    spatialbench(*RUN, "--out", "a")
    for verb in (("leaderboard", "a"), ("compare", "a", "a")):
        failed = spatialbench(*verb, "--label", "b=x")
        assert failed.status == 2
        assert "is for no run of this table" in failed.err


def test_a_damaged_name_is_told(spatialbench: Command) -> None:
    spatialbench(*RUN, "--out", "a", "--name", MINE)
    path = Path("a/manifest.json")
    path.write_text(path.read_text().replace(MINE, "x" * 5000))
    failed = spatialbench("status", "a")
    assert "its name has 5,000 characters" in failed.err + failed.out


def test_rewritten_and_plain_are_told_apart_everywhere(spatialbench: Command) -> None:
    """By a transform of a package as by a file: marked, not compared unless told."""
    lines = [
        json.loads(line)
        for line in spatialbench(
            "prompts", "--bench", "squares", "--format", "jsonl"
        ).out.splitlines()
    ]
    for name, end in (("a", ", in oil"), ("b", ", in ink")):
        texts = {line["prompt_id"]: line["text"] + end for line in lines}
        Path(f"{name}.json").write_text(json.dumps(texts))
    spatialbench(*RUN, "--out", "plain")
    for out, given in (("a", "file:a.json"), ("b", "file:b.json"), ("photo", "photo")):
        done = spatialbench(*RUN, "--out", out, "--prompt-transform", given)
        assert done.status == 0, done.err
        assert " [p] on" in done.out
        assert "[p] made from rewritten prompts" in done.out
    runs = ("plain", "a", "b", "photo")
    for form in ("table", "latex", "html"):
        text = spatialbench("leaderboard", *runs, "--format", form).out
        assert "[p] made from rewritten prompts" in text
        assert text.count("[p]") == 4
    document = json.loads(spatialbench("leaderboard", *runs, "--format", "json").out)
    marks = {row["run"]: row["marks"] for row in document["rows"]}
    assert marks == {run: ["prompts-rewritten"] * (run != "plain") for run in runs}
    table = spatialbench("leaderboard", *runs, "--no-published").out
    assert " *" not in table
    for one, other in (("plain", "a"), ("a", "b"), ("photo", "plain")):
        refused = spatialbench("compare", one, other)
        assert refused.status == 2
        assert "--allow-other-prompts" in refused.err
        told = spatialbench("compare", one, other, "--allow-other-prompts")
        assert told.status == 0
        assert "[p] on" in told.out
        assert "OTHER CONDITIONS: prompt rewriting" in told.out
    assert spatialbench("compare", "a", "a").status == 0
    spatialbench("gallery", "plain", "a", "--out", "g")
    page = Path("g/index.html").read_text()
    assert "painter+file [p]" in page
    assert "[p] made from rewritten prompts" in page


def test_runs_with_other_settings_seeds_and_selections(spatialbench: Command) -> None:
    """The table names what differs, and none is bold against another."""
    options = (
        ("--limit", "8", "--set", "skill=0.2"),
        ("--limit", "4", "--set", "skill=0.3", "--seed-scheme", "hashed:1"),
        ("--only", "left", "--set", "skill=0.4"),
    )
    for more in options:
        made = spatialbench("run", "--method", "painter", "--bench", "squares", *more)
        assert made.status == 0, made.err
    report = spatialbench("leaderboard", "runs", "--no-published", "--format", "json")
    names = {row["name"] for row in json.loads(report.out)["rows"]}
    for said in ("skill=0.2", "skill=0.3", "skill=0.4", "seeds=hashed:1", "only=left", "prompts=4"):
        assert sum(said in name for name in names) == 1
    table = spatialbench("leaderboard", "runs", "--no-published").out
    assert all(name in table for name in names)
    assert " *" not in table
    for form, bold in (("latex", r"\textbf"), ("html", "<b>"), ("md", "| **")):
        assert (
            bold not in spatialbench("leaderboard", "runs", "--no-published", "--format", form).out
        )
