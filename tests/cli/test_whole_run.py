"""From a stranger's method to a table, through the command line alone."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Command

RUN = ("run", "--method", "painter", "--bench", "squares")


def _only_run(folder: Path) -> Path:
    (manifest,) = folder.glob("runs/*/*/*/manifest.json")
    return manifest.parent


def _bytes(run: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(run)): path.read_bytes()
        for path in run.rglob("*")
        if path.is_file() and path.name not in ("manifest.json", "timing.jsonl")
    }


def test_a_run_prints_the_table_of_its_images(spatialbench: Command, tmp_path: Path) -> None:
    outcome = spatialbench(*RUN, "--set", "skill=1")
    assert outcome.status == 0
    assert not re.search(r"^(left|right|above|below) |seeds:", outcome.out, re.MULTILINE)
    lines = spatialbench(
        *RUN, "--set", "skill=1", "--by", "relation", "--signature"
    ).out.splitlines()
    assert set(outcome.out.splitlines()) < set(lines)
    assert lines[0] == "squares: painter on paint@0000001"
    (whole,) = [line for line in lines if line.startswith("all ")]
    assert whole.split()[1:3] == ["96", "100.00"]
    assert {line.split()[0] for line in lines} >= {"left", "right", "above", "below"}
    run = _only_run(tmp_path)
    assert run.parent.relative_to(tmp_path).as_posix() == "runs/squares/painter@paint"
    assert json.loads((run / "summary.json").read_text())["signature"] == lines[-1]
    assert "detector: colour-blobs, the one squares prescribes" in outcome.err


def test_json_is_one_document_and_nothing_else(spatialbench: Command, tmp_path: Path) -> None:
    outcome = spatialbench(*RUN, "--format", "json", "--set", "skill=0.5")
    document = json.loads(outcome.out)
    assert {"benchmark", "method", "backbone", "rule", "detector", "threshold", "signature"} <= set(
        document
    )
    assert (document["images"], document["images_expected"]) == (96, 96)
    assert (document["prompts"], document["prompts_expected"]) == (48, 48)
    assert document["partial"] is False
    # What the painter says it paints, counted here from its own random numbers.
    from random import Random

    right = [Random(f"{prompt}/{7 + k}").random() < 0.5 for prompt in range(48) for k in range(2)]
    assert document["metrics"]["RIGHT"] == pytest.approx(100 * sum(right) / 96)
    assert document["groups"]["left"]["images"] == 24
    low, high = document["intervals"]["RIGHT"]
    assert low < document["metrics"]["RIGHT"] < high


def test_what_a_library_prints_does_not_reach_stdout(
    spatialbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from coloured_squares.painter import Painter

    monkeypatch.setattr(Painter, "load", lambda self: print("chatter of a library"))
    outcome = spatialbench(*RUN, "--limit", "4", "--format", "json")
    json.loads(outcome.out)
    assert "chatter of a library" in outcome.err


def test_csv_and_markdown_hold_the_same_numbers(spatialbench: Command) -> None:
    document = json.loads(spatialbench(*RUN, "--format", "json").out)
    rows = list(csv.DictReader(io.StringIO(spatialbench(*RUN, "--format", "csv").out)))
    assert float(rows[0]["RIGHT"]) == document["metrics"]["RIGHT"]
    assert float(rows[0]["RIGHT_low"]) == document["intervals"]["RIGHT"][0]
    assert [row["group"] for row in rows] == ["all", *document["groups"]]
    markdown = spatialbench(*RUN, "--format", "md").out
    assert f"{document['metrics']['RIGHT']:.2f}" in markdown
    assert markdown.splitlines()[2].startswith("| prompts")


def test_the_same_command_again_changes_no_byte(spatialbench: Command, tmp_path: Path) -> None:
    first = spatialbench(*RUN, "--limit", "8")
    run = _only_run(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()}
    again = spatialbench(*RUN, "--limit", "8")
    assert again.out == first.out
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()} == before
    assert "generate: 16/16 images, complete" in again.err


def test_the_stages_one_by_one_make_the_same_run(spatialbench: Command, tmp_path: Path) -> None:
    whole = spatialbench(*RUN, "--out", "whole")
    generated = spatialbench("generate", *RUN[1:], "--out", "parts")
    assert generated.out.strip() == "parts"
    assert spatialbench("score", "parts").status == 2
    assert spatialbench("detect", "parts", "--batch-size", "5").status == 0
    scored = spatialbench("score", "parts")
    # Only the verb that made the images says how long they took.
    lines = [line for line in whole.out.splitlines() if not line.startswith("price: ")]
    assert len(lines) == len(whole.out.splitlines()) - 1
    assert scored.out.splitlines() == lines
    assert _bytes(tmp_path / "parts") == _bytes(tmp_path / "whole")


def test_a_larger_limit_continues_the_smaller_run(spatialbench: Command, tmp_path: Path) -> None:
    spatialbench(*RUN, "--limit", "4")
    small = set(_only_run(tmp_path).rglob("*.png"))
    outcome = spatialbench(*RUN, "--limit", "12")
    assert small < set(_only_run(tmp_path).rglob("*.png"))
    assert "generate: 8/24 images, starting" in outcome.err


def test_another_identity_in_the_same_folder_names_the_field(spatialbench: Command) -> None:
    spatialbench(*RUN, "--out", "here", "--limit", "4")
    outcome = spatialbench(*RUN, "--out", "here", "--limit", "4", "--set", "skill=0.1")
    assert outcome.status == 2
    assert "generator.parameters.skill: 0.75 -> 0.1" in outcome.err


def test_a_truncated_image_is_made_again_and_said(spatialbench: Command, tmp_path: Path) -> None:
    spatialbench(*RUN, "--out", "here", "--limit", "4")
    before = _bytes(tmp_path / "here")
    image = next((tmp_path / "here" / "images").rglob("*.png"))
    image.write_bytes(image.read_bytes()[:100])
    outcome = spatialbench(*RUN, "--out", "here", "--limit", "4")
    assert outcome.status == 0
    assert image.parent.name in outcome.err
    assert _bytes(tmp_path / "here") == before


def test_dry_run_plans_and_writes_nothing(spatialbench: Command, tmp_path: Path) -> None:
    plan = json.loads(spatialbench(*RUN, "--dry-run", "--limit", "5", "--format", "json").out)
    assert (plan["prompts"], plan["images_per_prompt"], plan["images"]) == (5, 2, 10)
    assert plan["identity"]["generator"]["parameters"] == {"skill": 0.75}
    assert list(tmp_path.iterdir()) == []
    table = spatialbench(*RUN, "--dry-run").out
    assert "identity.generator.parameters.skill" in table
    spatialbench(*RUN, "--limit", "5")
    assert str(_only_run(tmp_path).relative_to(tmp_path)) == plan["folder"]
    assert _only_run(tmp_path).name == plan["id"]


def test_status_says_what_is_there_and_what_to_type(spatialbench: Command) -> None:
    spatialbench("generate", *RUN[1:], "--out", "here", "--limit", "4")
    document = json.loads(spatialbench("status", "here", "--format", "json").out)
    assert (document["images"], document["images_expected"]) == (8, 8)
    assert document["scored"] is None
    assert document["partial"] is True
    assert document["next"] == "spatialbench detect here"
    shutil.rmtree("here/images")
    table = spatialbench("status", "here").out
    assert "0/8" in table
    assert "spatialbench generate --method painter" in table


def test_status_explains_why_there_are_two_runs(spatialbench: Command, tmp_path: Path) -> None:
    for skill in ("0.2", "0.8"):
        spatialbench(*RUN, "--limit", "2", "--set", f"skill={skill}")
    one, two = sorted(tmp_path.glob("runs/squares/painter@paint/*"))
    document = json.loads(spatialbench("status", one, "--explain", "--format", "json").out)
    assert list(document["others"]) == [two.name]
    (field,) = document["others"][two.name]
    assert field.startswith("generator.parameters.skill: 0.")


def test_rule_and_threshold_are_taken_and_said(spatialbench: Command) -> None:
    spatialbench(*RUN, "--out", "here", "--limit", "4")
    document = json.loads(
        spatialbench("score", "here", "--threshold", "0.95", "--format", "json").out
    )
    assert document["threshold"] == 0.95
    assert document["metrics"]["FOUND"] == 0
    assert "thr:0.95" in document["signature"]
    by_long_name = spatialbench("score", "here", "--rule", "squares-centre/1", "--format", "json")
    assert json.loads(by_long_name.out)["metrics"]["FOUND"] == 100


def test_verdicts_have_a_reason_for_every_image(spatialbench: Command, tmp_path: Path) -> None:
    document = json.loads(spatialbench(*RUN, "--out", "here", "--format", "json").out)
    assert spatialbench("score", "here", "--verdicts", "deep/verdicts.jsonl").status == 0
    lines = (tmp_path / "deep" / "verdicts.jsonl").read_text().splitlines()
    verdicts = [json.loads(line) for line in lines]
    assert len(verdicts) == 96
    assert 100 * sum(v["correct"] for v in verdicts) / 96 == pytest.approx(
        document["metrics"]["RIGHT"]
    )
    assert {type(verdict["prompt_id"]) for verdict in verdicts} == {str}
    for verdict in verdicts:
        assert verdict["reason"].endswith("right" if verdict["correct"] else "wrong side")


def test_a_killed_run_goes_on_where_it_stopped(plugin_folder: Path, tmp_path: Path) -> None:
    """The process ends itself inside the third batch; the engine's own tests kill at random."""
    environment = {**os.environ, "PYTHONPATH": str(plugin_folder), "OMP_NUM_THREADS": "1"}
    dies = (
        "import os, sys; from coloured_squares.painter import Painter; paint = Painter.generate;"
        "made = []\n"
        "def generate(self, requests):\n"
        "    made.append(1)\n"
        "    return paint(self, requests) if len(made) < 3 else os._exit(9)\n"
        "Painter.generate = generate\n"
        "from spatialbench.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [*RUN, "--out", str(tmp_path / "killed")]
    killed = subprocess.run([sys.executable, "-c", dies, *command], env=environment)
    assert killed.returncode == 9
    made = len(list((tmp_path / "killed").rglob("*.png")))
    assert 0 < made < 96
    for name in ("killed", "whole"):
        again = [*RUN, "--out", str(tmp_path / name)]
        subprocess.run(
            [sys.executable, "-m", "spatialbench", *again],
            env=environment,
            check=True,
            capture_output=True,
        )
    assert _bytes(tmp_path / "killed") == _bytes(tmp_path / "whole")


def test_fewer_images_of_a_run_that_is_not_scored_are_said(spatialbench: Command) -> None:
    spatialbench("generate", *RUN[1:], "--out", "here", "--limit", "6")
    fewer = spatialbench(*RUN, "--out", "here", "--limit", "4")
    assert "here was asked for 12 images before and is not scored; it is of 8 now" in fewer.err
    assert "asked for" not in spatialbench(*RUN, "--out", "here", "--limit", "4").err
    assert "asked for" not in spatialbench(*RUN, "--out", "here", "--limit", "6").err
