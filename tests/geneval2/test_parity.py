"""Soft-TIFA gives what the official scripts gave, through functions and through the commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spatialbench.benchmarks.geneval2 import PLUGIN
from spatialbench.benchmarks.geneval2.metrics import AM, GM, by_atomicity
from spatialbench.benchmarks.geneval2.official import read_official
from spatialbench.benchmarks.geneval2.prompts import read_prompts
from spatialbench.benchmarks.geneval2.soft_tifa import ATOMICITIES, SKILLS
from spatialbench.cli import main
from spatialbench.plugins import ScoreTable
from spatialbench.plugins.metric import values, why_undefined
from spatialbench.scoring.verdicts import build_table
from tests.geneval2.conftest import Case, file_of, official_cases

TOLERANCE = 1e-9


def scored(case: Case, folder: Path) -> ScoreTable:
    prompts = read_prompts(file_of(case), "a file")
    path = folder / "scores.json"
    path.write_text(json.dumps(case["scores"]))
    rows = [(int(p.id), k, verdict) for p, k, verdict in read_official(path, prompts, 0.5)]
    return build_table(prompts, rows)[0]


def agree(case: Case, metrics: dict[str, Any], atomicity: dict[str, Any], why: str) -> None:
    """Compare; where the official analysis stops, something is undefined and says why."""
    official = case["official"]
    assert metrics[AM] == pytest.approx(official["soft_tifa_am"], rel=TOLERANCE, abs=0), case
    assert metrics[GM] == pytest.approx(official["soft_tifa_gm"], rel=TOLERANCE, abs=0), case
    skills = {skill: metrics[skill] for skill in SKILLS}
    if "error" in official["skills"]:
        unknown = [
            skill for skill in SKILLS if skills[skill] is None or skills[skill] != skills[skill]
        ]
        assert unknown
        assert "skill" in why
    else:
        assert skills == pytest.approx(official["skills"], rel=TOLERANCE, abs=0)
    if "error" in official["atomicity"]:
        assert any(
            told[GM] is None and "prompt" in told["undefined"] for told in atomicity.values()
        )
    else:
        assert list(atomicity) == list(official["atomicity"])
        for number, told in official["atomicity"].items():
            assert atomicity[number]["images"] == told["total"]
            assert atomicity[number][GM] == pytest.approx(told["accuracy"], rel=TOLERANCE, abs=0)


def test_every_official_result_is_met(tmp_path: Path) -> None:
    cases = official_cases("geneval2_parity")
    assert len(cases) >= 200
    for case in cases:
        table = scored(case, tmp_path)
        reasons = " ".join(why_undefined(PLUGIN.metrics, table).values())
        agree(case, values(PLUGIN.metrics, table), dict(by_atomicity(table)), reasons)


def test_what_the_official_analysis_stops_at_is_undefined_and_nothing_else(tmp_path: Path) -> None:
    told = {case["kind"]: case for case in official_cases("geneval2_parity")}
    missing = scored(told["skill_missing"], tmp_path)
    asked = {one for prompt in missing.prompts for one in prompt.facts["skills"]}
    assert asked < {*SKILLS}
    assert set(why_undefined(PLUGIN.metrics, missing)) == {*SKILLS} - asked
    strange = scored(told["unknown_skill"], tmp_path)
    assert set(why_undefined(PLUGIN.metrics, strange)) == {*SKILLS}
    gap = by_atomicity(scored(told["atomicity_missing"], tmp_path))
    assert {len(one) for one in gap.values()} == {2, 3}
    outside = by_atomicity(scored(told["atomicity_outside_3_10"], tmp_path))
    assert [one[GM] for one in outside.values()] == [None] * len(ATOMICITIES)


KINDS = (
    *("zero_probability", "skill_missing", "atomicity_outside_3_10", "unknown_skill", "tiny"),
    *("over_one", "single_prompt", "random"),
)


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_line_gives_the_same(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, case in enumerate(official_cases("geneval2_parity", kind)):
        folder = tmp_path / str(number)
        folder.mkdir()
        monkeypatch.chdir(folder)
        Path("prompts.jsonl").write_bytes(file_of(case))
        Path("scores.json").write_text(json.dumps(case["scores"]))
        named = ("--bench", "geneval2:prompts.jsonl", "--name", "theirs", "--out", "made")
        assert main(["import", "scores.json", "--layout", "results", *named]) == 0
        capsys.readouterr()
        summary = json.loads(Path("made/summary.json").read_text())
        agree(
            case,
            summary["metrics"],
            summary["breakdowns"]["atomicity"],
            " ".join(summary["reasons"].values()),
        )


@pytest.mark.parametrize("kind", ["random", "over_one"])
def test_stored_answers_of_a_judge_are_scored_and_written_as_they_are(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, case in enumerate(official_cases("geneval2_parity", kind)):
        folder = tmp_path / str(number)
        folder.mkdir()
        monkeypatch.chdir(folder)
        Path("prompts.jsonl").write_bytes(file_of(case))
        stored_answers(case)
        capsys.readouterr()
        assert main(["score", "asked", "--format", "json"]) == 0
        summary = json.loads(capsys.readouterr().out)
        assert summary["rule"] == "geneval2-soft-tifa/1"
        assert summary["detector"] == "told@1"
        agree(case, summary["metrics"], summary["breakdowns"]["atomicity"], "")
        assert any("numbers of told@1 do not compare" in note for note in summary["notes"])
        assert main(["export", "asked", "--layout", "results", "--out", "out"]) == 0
        assert json.loads(Path("out/score_lists.json").read_text()) == case["scores"]


def stored_answers(case: Case) -> None:
    """A run of blank images with a case's scores as the answers of a judge."""
    from PIL import Image

    images = Path("images")
    images.mkdir()
    prompts = read_prompts(file_of(case), "a file")
    paths = {}
    for prompt in prompts:
        Image.new("RGB", (64, 64), (int(prompt.id) % 256, 0, 0)).save(images / f"{prompt.id}.png")
        paths[prompt.text] = f"images/{prompt.id}.png"
    Path("paths.json").write_text(json.dumps(paths))
    named = ("--bench", "geneval2:prompts.jsonl", "--name", "theirs", "--out", "asked")
    assert main(["import", "paths.json", "--layout", "geneval2", *named]) == 0
    folder = Path("asked/answers/told@1")
    folder.mkdir(parents=True)
    (folder / "judge.json").write_text(json.dumps({"signature": "told@1", "identity": {}}))
    records = [
        {
            "prompt_id": prompt.id,
            "index": 0,
            "image_sha256": None,
            "questions": list(prompt.facts["questions"]),
            "answers": answers,
        }
        for prompt, answers in zip(prompts, case["scores"], strict=True)
    ]
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "answers.jsonl").write_text(lines)
