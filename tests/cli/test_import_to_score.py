"""``import --detect --score``: from a folder to the table in one command; a whole run is whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Command

SQUARES = ("--bench", "squares", "--limit", 2)


@pytest.fixture
def theirs(spatialbench: Command) -> Command:
    """Four images of two prompts in ``theirs``, and the run ``made`` that they are from."""
    run = ("run", "--method", "painter", *SQUARES, "--out", "made")
    assert spatialbench(*run).status == 0
    assert spatialbench("export", "made", "--layout", "id", "--out", "theirs").status == 0
    return spatialbench


def state(command: Command, run: str) -> tuple[bool, str]:
    told = json.loads(command("status", run, "--format", "json").out)
    return told["partial"], told["next"]


def test_one_command_from_a_folder_to_the_table(theirs: Command) -> None:
    told = ("import", "theirs", *SQUARES, "--name", "theirs", "--out", "back")
    outcome = theirs(*told, "--detect", "--score", "--format", "json")
    assert outcome.status == 0, outcome.err
    back = json.loads(outcome.out)
    before = json.loads(Path("made/summary.json").read_text())
    for key in ("metrics", "images", "prompts", "partial", "intervals"):
        assert back[key] == before[key]
    assert back["images"] == back["images_expected"] == 4
    assert state(theirs, "back") == (False, "nothing is left to do")
    assert theirs("gate", "back", "--write", "gate.json").status == 0
    assert theirs("gate", "back", "--against", "gate.json").status == 0
    board = theirs("leaderboard", "back", "--format", "json").out
    assert '"theirs"' in board
    assert '"partial": true' not in board
    table = theirs(*told, "--score")
    assert "matched" in table.out
    assert "theirs on unknown" in table.out
    assert "PARTIAL" not in table.out


def test_looking_alone(theirs: Command) -> None:
    told = ("import", "theirs", *SQUARES, "--name", "theirs", "--out", "back", "--detect")
    outcome = theirs(*told)
    assert (outcome.status, outcome.out.splitlines()[-1]) == (0, "back")
    assert state(theirs, "back") == (True, "spatialbench score back")


def test_what_is_missing_is_said_before_anything_is_imported(theirs: Command) -> None:
    told = ("import", "theirs", *SQUARES, "--name", "theirs", "--out", "back", "--score")
    refused = theirs(*told, "--detector", "owlvit:/nowhere/weights", "--offline")
    assert refused.status == 2
    assert not Path("back").exists()


def test_detections_are_judged_at_once(theirs: Command) -> None:
    theirs("export", "made", "--layout", "detections", "--out", "boxes.jsonl")
    told = ("import", "boxes.jsonl", *SQUARES, "--name", "theirs", "--out", "back", "--score")
    outcome = theirs(*told, "--format", "json")
    assert outcome.status == 0, outcome.err
    assert "layout: detections" in outcome.err
    assert (
        json.loads(outcome.out)["metrics"]
        == json.loads(Path("made/summary.json").read_text())["metrics"]
    )
    assert state(theirs, "back") == (False, "nothing is left to do")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--detector", "blobs"), "--detector goes with --detect or --score"),
        (("--rule", "pse"), "--rule goes with --detect or --score"),
        (("--score", "--rule", "nosuch"), "nosuch"),
    ],
)
def test_options_that_would_do_nothing(theirs: Command, more: tuple[str, ...], said: str) -> None:
    refused = theirs("import", "theirs", *SQUARES, "--name", "theirs", "--out", "back", *more)
    assert refused.status == 2
    assert said in refused.err
    assert not Path("back").exists()


# What the prompts were before the images were made


def identity(run: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(Path(run, "manifest.json").read_text())["identity"][
        "generator"
    ]
    return found


def texts(command: Command) -> dict[str, str]:
    listed = command("prompts", *SQUARES[:2], "--limit", 2, "--format", "jsonl").out
    return {one["prompt_id"]: one["text"] for one in map(json.loads, listed.splitlines())}


def test_a_folder_that_says_nothing_can_be_of_rewritten_prompts(theirs: Command) -> None:
    """The user says so, by the file that a run would take: both runs have one condition."""
    rewritten = {prompt_id: f"{text}, in detail" for prompt_id, text in texts(theirs).items()}
    Path("long.json").write_text(json.dumps(rewritten))
    told = ("import", "theirs", *SQUARES, "--name", "theirs", "--out", "back")
    dry = theirs(*told, "--prompt-transform", "file:long.json", "--dry-run", "--format", "json")
    report = json.loads(dry.out)
    assert (report["prompts"], report["given_prompts"]) == ("rewritten", rewritten)
    assert theirs(*told, "--prompt-transform", "file:long.json").status == 0
    stored = [json.loads(line) for line in Path("back/prompts.jsonl").read_text().splitlines()]
    assert {line["prompt_id"]: line["prompt_sent"] for line in stored} == rewritten
    run = ("run", "--method", "painter", *SQUARES, "--prompt-transform", "file:long.json")
    assert theirs(*run, "--out", "same").status == 0
    assert identity("same")["prompt_transform"] == identity("back")["prompt_transform"]
    short = dict(list(rewritten.items())[:1])
    Path("short.json").write_text(json.dumps(short))
    refused = theirs(*told[:-1], "other", "--prompt-transform", "file:short.json")
    assert refused.status == 2
    assert "has no text for 1 of 2" in refused.err
    assert not Path("other").exists()


@pytest.mark.parametrize(
    ("given", "prompts", "key"), [("unrecorded", "rewritten", 2), ("none", "plain", None)]
)
def test_prompts_of_which_the_user_knows_no_more(
    theirs: Command, given: str, prompts: str, key: int | None
) -> None:
    told = ("import", "theirs", *SQUARES, "--name", "theirs", "--prompt-transform", given)
    report = json.loads(theirs(*told, "--dry-run", "--format", "json").out)
    assert report["prompts"] == prompts
    assert theirs(*told, "--out", "back", "--score").status == 0
    assert identity("back").get("rewritten_prompts") == key
    notes = json.loads(Path("back/summary.json").read_text()).get("notes", [])
    said = "2 prompts were rewritten before the images were made." in notes
    assert said is (given == "unrecorded")
