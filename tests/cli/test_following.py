"""What a success suggests is typed here as it stands; and what is asked before it begins."""

from __future__ import annotations

import json
import re
import shlex
import sys
import webbrowser
from pathlib import Path
from urllib.parse import unquote

import click
import pytest

from spatialbench.api import choosing
from spatialbench.cli import consent
from spatialbench.runs.finding import runs_below
from spatialbench.runs.following import after_table
from spatialbench.runs.manifest import read_manifest
from spatialbench.runs.timing import NAME as TIMING

from .conftest import Command, Outcome

PAINT = ("--method", "painter", "--bench", "squares")
FEW = (*PAINT, "--limit", "4")
WEAK = (*FEW, "--set", "skill=0.5")


def suggested(outcome: Outcome) -> list[list[str]]:
    assert outcome.status == 0, outcome.err
    found = re.findall(r"next: spatialbench (.*)$", outcome.err, re.M)
    return [shlex.split(line) for line in found]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that a browser is asked to show; it shows them."""
    found: list[str] = []

    def show(address: str) -> bool:
        found.append(address)
        return True

    monkeypatch.setattr(webbrowser, "open", show)
    return found


def test_what_is_suggested_can_be_typed(spatialbench: Command, opened: list[str]) -> None:
    first = suggested(spatialbench("run", *FEW))
    assert [words[0] for words in first] == ["gallery", "leaderboard"]
    second = suggested(spatialbench("run", *WEAK, "--name", "with a blank", "--out", "runs/b c"))
    third = suggested(spatialbench("run", *WEAK))
    assert [words[0] for words in third] == ["gallery", "compare", "leaderboard"]
    steps = [*first, *second, *third, *suggested(spatialbench("score", "with a"))]
    for words in list(steps):
        steps += suggested(spatialbench(*words))
    for typed in {tuple(words) for words in steps}:
        assert spatialbench(*typed).status == 0, typed
    assert {words[0] for words in steps} >= {"gallery", "compare", "leaderboard", "runs"}
    assert opened
    assert all(Path(unquote(address.removeprefix("file://"))).is_file() for address in opened)


def test_a_long_command_has_ids_where_they_are_enough(
    spatialbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def commands() -> list[list[str]]:
        return [words for words in suggested(spatialbench("run", *WEAK)) if words[0] == "compare"]

    suggested(spatialbench("run", *FEW))
    (short,) = commands()
    assert all(re.fullmatch(r"[0-9a-f]{12}", word) for word in short[1:])
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("SPATIALBENCH_RUNS", str(tmp_path / "elsewhere"))
    again = suggested(spatialbench("score", *map(str, runs_below(Path("runs"))[:1])))
    (folders,) = [words for words in again if words[0] == "compare"]
    assert all(Path(word).is_dir() for word in folders[1:])
    assert spatialbench(*folders).status == 0


def test_each_stage_leads_to_the_next(spatialbench: Command) -> None:
    verb, seen = ["generate", *FEW], []
    for _ in range(3):
        seen.append(verb[0])
        (verb, *_) = suggested(spatialbench(*verb))
    assert seen == ["generate", "detect", "score"]
    folder = runs_below(Path("runs"))[0]
    for words in (("runs", "mv", folder, "kept"), ("runs", "rm", "--yes", "kept")):
        for again in suggested(spatialbench(*words)):
            assert spatialbench(*again).status == 0


def test_results_for_programs_come_alone(spatialbench: Command) -> None:
    outcome = spatialbench("run", *FEW, "--format", "json")
    json.loads(outcome.out)
    assert "next:" not in outcome.err


def test_a_browser_that_is_not_there(
    spatialbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    assert spatialbench("run", *FEW).status == 0
    folder = runs_below(Path("runs"))[0]
    outcome = spatialbench("gallery", folder, "--open", "--no-sweep")
    assert outcome.status == 0
    assert "no browser could be started" in outcome.err
    assert outcome.out.strip().endswith("index.html")


def test_loading_is_announced_before_the_first_batch(spatialbench: Command) -> None:
    said = spatialbench("run", *FEW).err
    loading = said.index("loading the libraries"), said.index("loading, before the first batch")
    assert loading[0] < said.index("generate: 0/8") < loading[1] < said.index("generate: 8/8")
    again = spatialbench("run", *FEW).err
    assert "loading, before" not in again


class Person:
    """Somebody at a terminal, who answers what they are told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: bool) -> None:
        self.asked: list[str] = []

        def confirm(question: str, default: bool, err: bool) -> bool:
            assert (default, err) == (False, True)
            self.asked.append(question)
            return answer

        monkeypatch.setattr(consent, "somebody_is_there", lambda: True)
        monkeypatch.setattr(click, "confirm", confirm)


def slow(folder: Path, seconds: float) -> None:
    """The run's images are known to take so long each."""
    (folder / TIMING).write_text(
        json.dumps({"images": 1, "seconds": seconds, "batch_size": 1, "device": "slow one"}) + "\n"
    )


def test_more_than_an_hour_is_asked_for(
    spatialbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert spatialbench("run", *FEW).status == 0
    (folder,) = runs_below(Path("runs"))
    slow(folder, 1000.0)
    more = (*PAINT, "--limit", "6")
    no = Person(monkeypatch, answer=False)
    # What is there already takes no time.
    assert spatialbench("run", *FEW).status == 0
    assert no.asked == []
    for verb in ("run", "generate"):
        outcome = spatialbench(verb, *more)
        assert outcome.status == 2
        (again,) = re.findall(r"type 'spatialbench (.*)'", outcome.err)
        assert read_manifest(folder).selection.limit == 4
    assert len(no.asked) == 2
    assert no.asked[0].startswith("4 images are to be made, which takes about 67 minutes")
    yes = Person(monkeypatch, answer=True)
    assert spatialbench("run", *PAINT, "--limit", "5").status == 0
    assert yes.asked == []
    slow(folder, 10000.0)
    assert spatialbench("run", *more).status == 0
    assert len(yes.asked) == 1
    slow(folder, 10000.0)
    assert spatialbench(*shlex.split(again.replace("6", "8"))).status == 0
    assert len(yes.asked) == 1
    assert "--yes" not in (read_manifest(folder).command or "")


def test_nobody_is_asked_where_nobody_is(
    spatialbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert spatialbench("run", *FEW).status == 0
    slow(runs_below(Path("runs"))[0], 10000.0)
    assert not sys.stdin.isatty()
    monkeypatch.setattr(click, "confirm", lambda *_, **__: pytest.fail("asked"))
    assert spatialbench("run", *PAINT, "--limit", "6").status == 0


@pytest.mark.parametrize(
    "words",
    [
        ("rnu",),
        ("run", "--method", "nobody", "--bench", "squares"),
        ("run", "--method", "painter", "--bench", "nothing"),
        ("run", *PAINT, "--steps", "none"),
        ("score", "nowhere"),
        ("score", "no/where"),
        ("compare", "one"),
        ("gate", "no/where", "--against", "no/gate.json"),
        ("runs", "name", "no/where", "x"),
        ("runs", "--state", "asleep"),
        ("gallery",),
        ("import", "no/where", "--bench", "squares", "--name", "x"),
        ("fetch", "nothing"),
    ],
)
def test_every_failure_says_what_to_type(spatialbench: Command, words: list[str]) -> None:
    outcome = spatialbench(*words)
    assert outcome.status in (2, 64)
    error = outcome.err.splitlines()[-1]
    assert error.startswith("error: ")
    assert re.search(r"spatialbench |--[a-z]|command again", error), error
    for line in re.findall(r"'spatialbench ([^'\n]*--help)'", error):
        assert spatialbench(*shlex.split(line)).status == 0


def test_the_runs_of_a_table_lead_to_its_row(spatialbench: Command) -> None:
    assert spatialbench("run", *FEW).status == 0
    run = choosing.existing_run(runs_below(Path("runs"))[0])
    pages, row = after_table("squares:all", [run, run])
    assert pages == f"spatialbench gallery {run.path} --open"
    assert (
        row == f"spatialbench leaderboard --bench squares:all {run.manifest.id} {run.manifest.id}"
    )


def test_a_copy_is_no_run_to_compare_with(spatialbench: Command) -> None:
    assert spatialbench("run", *FEW).status == 0
    again = suggested(spatialbench("run", *FEW, "--out", "runs/copy"))
    assert [words[0] for words in again] == ["gallery", "leaderboard"]
