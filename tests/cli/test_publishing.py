"""``export --layout hub``, ``push`` and ``log`` as they are typed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.exchange.hub_dataset.upload_server import TOKEN, running, use
from tests.exchange.trackers.doubles import Trackio
from tests.tree import tree

from .conftest import Command


@pytest.fixture
def made(spatialbench: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """A run ``made`` of two prompts, and no token of anybody."""
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", "no-token")
    run = ("run", "--method", "painter", "--bench", "squares", "--limit", 2, "--out", "made")
    assert spatialbench(*run).status == 0
    return spatialbench


def test_a_data_set(made: Command) -> None:
    outcome = made("export", "made", "--layout", "hub", "--out", "hub")
    assert (outcome.status, outcome.out) == (0, "hub\n")
    assert "--repo ORG/NAME" in outcome.err
    outcome = made("export", "made", "--layout", "hub", "--out", "linked", "--repo", "me/images")
    assert "--repo" not in outcome.err
    results = next(Path("linked/.eval_results").iterdir()).read_text()
    assert "https://huggingface.co/datasets/me/images" in results
    for wrong in (("--repo", "images"), ("--detector", "x")):
        outcome = made("export", "made", "--layout", "hub", "--out", "new", *wrong)
        assert outcome.status == 2
    assert made("export", "made", "--layout", "visor", "--out", "n", "--repo", "a/b").status == 2
    assert made("import", "hub", "--layout", "hub", "--bench", "squares", "--name", "x").status == 2


def test_a_plan_asks_nobody_and_writes_nothing(made: Command) -> None:
    before = tree(Path())
    outcome = made("push", "made", "me/images", "--private", "--dry-run")
    assert outcome.status == 0
    assert "me/images (private, if it is new)" in outcome.out
    assert "4 of 4" in outcome.out
    assert "none: type hf auth login first" in outcome.out
    assert tree(Path()) == before


def test_without_a_token_the_command_to_type_is_told(made: Command) -> None:
    before = tree(Path())
    outcome = made("push", "made", "me/images", "--private")
    assert outcome.status == 2
    assert "'hf auth login'" in outcome.err
    assert "'spatialbench push made me/images --private'" in outcome.err
    assert tree(Path()) == before


def test_an_upload(made: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    with running() as hub:
        use(monkeypatch, hub.address)
        outcome = made("push", "made", "me/images")
        assert (outcome.status, outcome.out) == (0, f"{hub.address}/datasets/me/images\n")
        assert TOKEN not in outcome.err
        assert "metadata.jsonl" in hub.datasets["me/images"]


def test_runs_are_logged_each_once(made: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    trackio = Trackio()
    monkeypatch.setitem(sys.modules, "trackio", trackio)
    run = ("run", "--method", "painter", "--bench", "squares", "--limit", 2, "--out", "other")
    made(*run, "--set", "skill=0.5")
    for _ in range(2):
        outcome = made("log", "made", "other", "--to", "trackio", "--project", "p", "--images", 2)
        assert outcome.status == 0
        assert len(outcome.out.splitlines()) == 2
    assert [len(steps) for steps in trackio.logs.values()] == [1, 1]
    assert made("log", "made", "--to", "wanb").status == 2
    # One that cannot be read, and nothing is logged of any.
    assert made("log", "made", "nowhere", "--to", "trackio", "--project", "new").status == 2
    assert {project for project, _ in trackio.logs} == {"p"}
