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
        if failing[0] and "cat" in question_of(asked):
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
        assert missing == 2
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
    (inexact,) = [note for note in summary["notes"] if "answers are not exact" in note]
    assert "off by at most" in inexact
    assert "may be as small as 0" not in inexact
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


def test_answers_that_are_nothing_but_bounds_are_counted(
    spatialbench: Command, tmp_path: Path
) -> None:
    written(tmp_path)

    def answer(asked: Asked) -> Mapping[str, float]:
        behind = "behind" in question_of(asked)
        return {"No": 0.9, "no": 1e-5} if behind else by_hash(asked)

    with serving(chat(answer)) as server:
        judge = ("--judge", f"openai:some/model@{server.url}", "--out", "made")
        done = spatialbench(*RUN, *judge, "--format", "json")
    assert done.status == 0, done.err
    notes = " ".join(json.loads(done.out)["notes"])
    assert "off by at most 4e-05 each" in notes
    assert "2 of them may be as small as 0" in notes


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


def test_other_rules_ask_the_same_judge_in_their_own_words(
    spatialbench: Command, tmp_path: Path
) -> None:
    written(tmp_path)
    with serving(chat()) as server:
        judge = ("--judge", f"openai:some/model@{server.url}")
        table = ("--format", "json")
        done = spatialbench(*RUN, *judge, "--rule", "vqascore", *table, "--out", "made")
        assert done.status == 0, done.err
        texts = {question_of(asked) for asked in server.posts()[1:]}
        assert texts == {
            f'Does this figure show "{text}"? Please answer yes or no.'
            for text in ("two dogs", "a dog behind a cat")
        }
        rule = ("--rule", "geneval2-tifa")
        assert spatialbench("detect", "made", *judge, *rule).status == 0
    summary = json.loads(done.out)
    answers = [record["answers"] for record in records(tmp_path / "made")]
    assert summary["metrics"]["VQAScore"] == pytest.approx(
        100 * sum(first[0] for first in answers) / 4
    )
    hard = json.loads(spatialbench("score", "made", *rule, *table).out)
    assert hard["metrics"]["TIFA"] == pytest.approx(
        100 * sum(sum(of[1:]) / len(of[1:]) for of in answers) / 4
    )
    assert {answer for of in answers for answer in of[1:]} <= {0.0, 1.0}
    # What answers yes or no alone has no first word.
    plain = spatialbench("detect", "made", "--judge", "pixel-judge", "--rule", "geneval2-tifa")
    assert plain.status == 2
    assert "for the first word: give a --judge that reads and writes text" in plain.err


def records(run: Path) -> list[dict[str, list[float]]]:
    (path,) = run.glob("answers/*/answers.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_doctor_looks_at_one_judge(
    spatialbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPATIALBENCH_CACHE", str(tmp_path / "cache"))
    calls: list[str] = []

    def changing(asked: Asked) -> Mapping[str, float]:
        calls.append(question_of(asked))
        yes = by_hash(asked).get("Yes", 0.5) / 2 + len(calls) / 1000
        return {"Yes": yes, "No": 0.9 - yes, "x": 1e-9}

    with serving(chat()) as server:
        judge = ("--judge", f"openai:some/model@{server.url}")
        sound = spatialbench("doctor", *judge, "--record-canary", "--format", "json")
        assert sound.status == 0, sound.err
        told = json.loads(sound.out)
        assert [one["state"] for one in told] == ["ok", "ok", "ok"]
        assert "answers differ between two plain images; kept" in told[1]["detail"]
        assert "8 answers about 4 canary images" in spatialbench("doctor", *judge).out
    with serving(chat(changing)) as server:
        judge = ("--judge", f"openai:some/model@{server.url}")
        unsound = spatialbench("doctor", *judge, "--format", "json")
        assert unsound.status == 2
        states = {one["state"]: one["detail"] for one in json.loads(unsound.out)}
        assert "answers otherwise by up to 0.0" in states["warning"]
        assert "so this installation answers differently from" in states["broken"]
    with serving(chat(fault=lambda asked: completion({"Yes": 1.0}, logprobs=None))) as server:
        blind = spatialbench("doctor", "--judge", f"openai:some/model@{server.url}")
        assert (blind.status, "gave no logprobs" in blind.out) == (2, True)
    for words, said in (
        (("--judge", "vlm"), "give --judge vlm:FOLDER"),
        (("--judge", "qwen3-vl-8b"), "spatialbench fetch qwen3-vl-8b"),
        (("--judge", "vlm", "--detector", "owlvit"), "do not go together"),
        (("--device", "cpu"), "--device is for one check"),
        (("--judge", "vlm", "--width", "8"), "--width is for the check of one backbone"),
    ):
        outcome = spatialbench("doctor", *words)
        assert outcome.status == 2
        assert said in outcome.out + outcome.err
    fine = spatialbench("doctor", "--detector", "lab-owlvit", "--device", "cpu")
    assert (fine.status, "the same of four images" in fine.out) == (0, True), fine.out
