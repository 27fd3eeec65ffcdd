"""A run that is judged by a model at a server: what fails is missing, counted and asked again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.judges.chat_server import by_hash, chat, completion, question_of
from tests.methods.served.servers import Asked, Reply, serving

from .conftest import Command
from .test_geneval2 import OWN, written

RUN = (
    *("run", "--method", "sd", "--backbone", "lab", "--steps", "2", "--device", "cpu"),
    *("--limit", "2", "--images-per-prompt", "2", "--batch-size", "2", *OWN),
)


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def files(folder: Path) -> Mapping[str, bytes]:
    """What a run holds that does not tell the time."""
    names = ("answers.jsonl", "judge.json", "quarantine.jsonl", "scores.parquet")
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.name in names
    }


def test_a_resumed_run_is_the_uninterrupted_one(spatialbench: Command, tmp_path: Path) -> None:
    written(tmp_path)
    failing = [True]

    def fault(asked: Asked) -> Reply | None:
        if failing[0] and "cat" in question_of(asked) and by_hash(asked)["Yes"] < 0.7:
            return completion({"Perhaps": 0.9})
        return None

    with serving(chat(fault=fault)) as server:
        judge = ("--judge", f"openai:some/model@{server.url},retries=0")
        first = spatialbench(*RUN, *judge, "--out", "made", "--format", "json")
        assert first.status == 2
        assert "questions got no answer, 'Is the dog behind the cat?'" in first.err
        assert "neither yes nor no: its likeliest first words are 'Perhaps'" in first.err
        summary = json.loads(first.out)
        missing = 4 - summary["images"]
        assert 0 < missing < 4
        assert summary["partial"]
        state = json.loads(spatialbench("status", "made", "--format", "json").out)
        assert list(state["answers"].values()) == [summary["images"]]
        assert any("got no answer" in sentence for sentence in state["given_up"])
        failing[0] = False
        before = len(server.posts())
        second = spatialbench(*RUN, *judge, "--out", "made", "--format", "json")
        assert second.status == 0, second.err
        assert json.loads(second.out)["images"] == 4
        # One to learn about logprobs, and the questions about the images that lack an answer.
        assert len(server.posts()) == before + 1 + 3 * missing
        whole = spatialbench(*RUN, *judge, "--out", "once", "--format", "json")
        assert whole.status == 0, whole.err
        assert files(tmp_path / "made") == files(tmp_path / "once")
        asked = len(server.asked)
        assert spatialbench("score", "made").status == 0
        assert spatialbench(*RUN, *judge, "--out", "made").status == 0
        assert len(server.asked) == asked
    summary = json.loads(whole.out)
    assert any("answers are not exact" in note for note in summary["notes"])
    assert any("is judged by Qwen3-VL-8B-Instruct" in note for note in summary["notes"])
    tables = (
        spatialbench("score", "made"),
        spatialbench("leaderboard", "made", "once"),
        spatialbench("compare", "made", "once"),
    )
    for table in tables:
        assert table.status == 0, table.err
        assert "[w]" in table.out, table.out
        assert "weights nobody can tell" in " ".join(table.out.split())
    (name,) = (path.name for path in (tmp_path / "made" / "answers").iterdir())
    assert name.startswith("openai-model@weights-unknown-")


def test_a_server_that_cannot_judge_stops_before_the_first_image(
    spatialbench: Command, tmp_path: Path
) -> None:
    written(tmp_path)
    with serving(chat(fault=lambda asked: completion({"Yes": 1.0}, logprobs=None))) as server:
        outcome = spatialbench(*RUN, "--judge", f"openai:some/model@{server.url}", "--out", "made")
        gone = server.url
    assert outcome.status == 2
    assert "gave no logprobs; nothing was made" in outcome.err
    outcome = spatialbench(*RUN, "--judge", f"openai:some/model@{gone}", "--out", "made")
    assert (outcome.status, "cannot be reached" in outcome.err) == (2, True)
    assert not (tmp_path / "made").exists()
