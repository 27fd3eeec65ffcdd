"""Every JSON output fits its schema in docs/schemas, and every schema is closed."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from jsonschema import Draft202012Validator

from spatialbench.cli import main, root
from spatialbench.runs.store import RunDirectory

from .conftest import Command
from .json_schemas import FOLDER, SCHEMAS, fits, text, typed

OF_VERB = {
    "run": "summary",
    "reproduce": "reproduce",
    "score": "summary",
    "leaderboard": "leaderboard",
    "compare": "compare",
    "guidance": "guidance",
    "power": "power",
    "gate": "gate",
    "import": "import",
    "status": "status",
    "runs": "runs",
    "list": "list",
    "doctor": "doctor",
    "agree": "agree",
    "quality": "quality",
    "detectors": "agree",
    "esplora": "training-set",
    "extract": "extract",
}
"""The schema of what a verb prints with ``--format json``."""


def lines(name: str, path: Path) -> list[Any]:
    found = [fits(name, json.loads(line)) for line in path.read_text().split("\n")[:-1]]
    assert found, f"{path} has no line"
    return found


@pytest.fixture(scope="module")
def runs(plugin_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two complete runs, ``runs/one`` and ``runs/two``."""
    folder = tmp_path_factory.mktemp("made")
    run = ["run", "--method", "painter", "--bench", "squares", "--limit", "8"]
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(plugin_folder))
        patched.chdir(folder)
        assert main([*run, "--out", "runs/one"]) == 0
        assert main([*run, "--set", "skill=0.5", "--out", "runs/two"]) == 0
    return folder


@pytest.fixture
def made(spatialbench: Command, runs: Path) -> Command:
    """A working folder with copies of them."""
    shutil.copytree(runs / "runs", "runs")
    return spatialbench


def printed(command: Command, name: str, *arguments: object, status: int = 0) -> Any:
    outcome = command(*arguments, "--format", "json")
    assert outcome.status == status, outcome.err
    return fits(name, json.loads(outcome.out))


def test_what_the_verbs_print(made: Command) -> None:
    run = ("run", "--method", "painter", "--bench", "squares", "--limit", 8)
    printed(made, "dry-run", *run, "--dry-run")
    printed(made, "dry-run", *run, "--dry-run", "--price-per-hour", 2)
    printed(made, "summary", *run, "--out", "runs/one")
    printed(made, "summary", *run, "--out", "runs/one", "--name", "of my own")
    printed(made, "summary", "score", "runs/one", "--threshold", 0.3)
    made("score", "runs/one")
    printed(made, "status", "status", "runs/one")
    printed(made, "status", "status", "runs")
    printed(made, "status", "status", "runs/one", "--explain")
    rows = printed(made, "leaderboard", "leaderboard", "runs")["rows"]
    for row in rows:
        known = SCHEMAS["leaderboard"]["$defs"]["row"]["properties"]
        assert set(row) - set(known) == {*row["metrics"], *row["price"]}
    made("export", "runs/one", "--layout", "detections", "--out", "one.jsonl")
    printed(made, "compare", "compare", "runs/one", "runs/two")
    printed(
        *(made, "compare-sequential", "compare", "runs/one", "runs/two", "--sequential"),
    )
    printed(made, "power", "power", "runs/one")
    printed(made, "power", "power", "runs/one", "runs/two")
    printed(made, "power", "power", "--bench", "squares")
    printed(made, "power", "power", "--bench", "squares", "--difference", 2)
    assert made("gate", "runs/one", "--write", "gate.json").status == 0
    printed(made, "gate", "gate", "runs/one", "--against", "gate.json")
    printed(made, "gate", "gate", "runs/one", "--against", "gate.json", "--sequential")
    fits("gate-file", json.loads(Path("gate.json").read_text()))
    printed(made, "list", "list")
    printed(made, "list", "list", "rules")


def test_a_leaderboard_with_published_rows_and_folders_that_are_none(made: Command) -> None:
    made("generate", "--method", "painter", "--bench", "squares", "--limit", 2, "--out", "runs/new")
    outcome = made("leaderboard", "runs", "--format", "json")
    fits("leaderboard", json.loads(outcome.out))
    printed(made, "leaderboard", "leaderboard", "--bench", "visor")
    printed(made, "status", "status", "runs")


def test_an_import_report(made: Command) -> None:
    made("export", "runs/one", "--layout", "visor", "--out", "out")
    names = sorted(path.name for path in Path("out").iterdir())
    Path("out", names[0]).unlink()
    Path("out", names[1]).write_bytes(b"")
    Path("out", "9999_0.png").write_bytes(Path("out", names[2]).read_bytes())
    Path("out", "words.png").write_bytes(Path("out", names[2]).read_bytes())
    Path("out", "grid.txt").write_text("passed over")
    arguments = ("--layout", "visor", "--bench", "squares", "--name", "t", "--limit", 8)
    outcome = made("import", "out", *arguments, "--dry-run", "--format", "json")
    report = fits("import", json.loads(outcome.out))
    for kind in ("missing", "unreadable", "misnamed", "passed_over"):
        assert report[kind], kind


def test_the_agreement_of_two_detectors(made: Command) -> None:
    directory = RunDirectory(Path("runs/one"))
    first = directory.detection_journal("colour-blobs@1").path.parent
    second = directory.detection_journal("half-blind@1").path.parent
    shutil.copytree(first, second)
    told = (first / "detector.json").read_text()
    (second / "detector.json").write_text(told.replace("colour-blobs", "half-blind"))
    printed(made, "agree", "detectors", "agree", "runs/one", "colour-blobs", "half-blind")
    printed(made, "agree", "agree", "runs/one", "--between", "colour-blobs", "half-blind")


def test_the_doctor(made: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from spatialbench.cli import checks

    monkeypatch.setattr(checks, "all_checks", lambda record: [checks._versions, checks._extras])
    printed(made, "doctor", "doctor")


def test_the_files_of_a_run(made: Command) -> None:
    run = Path("runs/one")
    fits("manifest", json.loads((run / "manifest.json").read_text()))
    fits("summary", json.loads((run / "summary.json").read_text()))
    lines("images.jsonl", run / "images.jsonl")
    lines("timing.jsonl", run / "timing.jsonl")
    (boxes,) = run.glob("detections/*/detections.jsonl")
    lines("detections.jsonl", boxes)
    fits("model", json.loads(boxes.with_name("detector.json").read_text()))
    assert made("score", run, "--verdicts", "verdicts.jsonl").status == 0
    assert len(lines("verdicts.jsonl", Path("verdicts.jsonl"))) == 16


def test_what_is_exported(made: Command) -> None:
    assert made("export", "runs/one", "--layout", "hub", "--out", "hub").status == 0
    assert len(lines("hub-metadata.jsonl", Path("hub/metadata.jsonl"))) == 16
    assert made("export", "runs/one", "--layout", "every-eval-ever", "--out", "e").status == 0
    (record,) = Path("e").rglob("*.json")
    fits("every-eval-ever", json.loads(record.read_text()))
    next(Path("runs/one/images").rglob("*.png")).unlink()
    assert made("export", "runs/one", "--layout", "hub", "--out", "hub2").status == 0
    lines("hub-missing.jsonl", Path("hub2/missing.jsonl"))


def test_a_run_that_a_judge_was_asked_about(made: Command) -> None:
    run = ("run", "--method", "painter", "--bench", "squares", "--limit", 2, "--out", "asked")
    printed(made, "summary", *run, "--rule", "asked", "--judge", "pixel-judge")
    printed(made, "status", "status", "asked")
    (answers,) = Path("asked").glob("answers/*/answers.jsonl")
    told = {(one["prompt_id"], one["index"]): one for one in lines("answers.jsonl", answers)}
    fits("model", json.loads(answers.with_name("judge.json").read_text()))
    assert made("export", "asked", "--layout", "hub", "--out", "hub").status == 0
    for row in lines("hub-metadata.jsonl", Path("hub/metadata.jsonl")):
        one = told[row["prompt_id"], row["index"]]
        answered = {"questions": one["questions"], "probabilities": one["answers"]}
        assert (row["detections"], row["answers"]) == (None, answered)


def test_a_run_whose_images_took_something(spatialbench: Command, tmp_path: Path) -> None:
    lab = ("--bench", "visor", "--limit", "2", "--images-per-prompt", "1", "--steps", "2")
    best = ("--method", "best-of-n", "--set", "n=2", "--set", "judge=lab-templates")
    assert spatialbench("run", *best, *lab, "--threshold", "0.01", "--out", "best").status == 0
    run = tmp_path / "best"
    (first, *_) = lines("images.jsonl", run / "images.jsonl")
    assert first["costs"] == {"images made": 2.0}
    lines("timing.jsonl", run / "timing.jsonl")
    for verb in ("leaderboard", "status"):
        told = json.loads(spatialbench(verb, run, "--format", "json").out)
        fits(OF_VERB[verb], told)
        assert '"costs_per_image": {"images made": 2.0}' in json.dumps(told)


def test_records_that_these_runs_lack() -> None:
    key = {"prompt_id": "7", "index": 0}
    fits("quarantine.jsonl", {**key, "reason": "no"})
    fits("quarantine.jsonl", {**key, "reason": "no", "refused": True})
    sent = {"prompt_original": "a", "prompt_sent": "b", "outcome": "rewritten", "rule": "r"}
    fits("prompts.jsonl", {"prompt_id": "7", **sent})


def _objects(node: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        if "properties" in node and isinstance(node["properties"], dict):
            yield place, node
        for key, value in node.items():
            yield from _objects(value, f"{place}/{key}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _objects(value, f"{place}/{number}")


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_new_key_needs_its_schema(name: str) -> None:
    schema = SCHEMAS[name]
    Draft202012Validator.check_schema(schema)
    objects = list(_objects(schema))
    assert objects
    for place, found in objects:
        closed = found.get("additionalProperties")
        # What a rule or a benchmark names itself.
        said = closed.get("description", "") if isinstance(closed, dict) else ""
        assert closed is False or "fact" in said or "metric" in said, f"{name}{place} takes any key"
        assert set(found.get("required", ())) <= set(found["properties"]), place


def test_a_key_that_is_added_is_found(made: Command) -> None:
    summary = json.loads(Path("runs/one/summary.json").read_text())
    with pytest.raises(AssertionError, match="was unexpected"):
        fits("summary", {**summary, "another": 1})
    with pytest.raises(AssertionError, match="is a required property"):
        fits("summary", {key: value for key, value in summary.items() if key != "images"})


def test_the_schemas_of_types_are_those_of_the_types() -> None:
    """After a change of a type: ``python -m tests.cli.json_schemas``."""
    for name, schema in typed().items():
        assert (FOLDER / f"{name}.schema.json").read_text() == text(schema)


def test_every_verb_with_a_json_form_has_one() -> None:
    context = click.Context(root)
    verbs = set()
    for verb in root.list_commands(context):
        command = root.get_command(context, verb)
        below = command.commands.values() if isinstance(command, click.Group) else [command]
        forms = [p.type for one in below if one for p in one.params if p.name == "form"]
        if any(isinstance(form, click.Choice) and "json" in form.choices for form in forms):
            verbs.add(verb)
    assert verbs == set(OF_VERB)
    assert set(OF_VERB.values()) <= set(SCHEMAS)


def test_the_list_is_complete() -> None:
    listed = re.findall(r"\]\(([\w./-]+\.schema\.json)\)", (FOLDER / "README.md").read_text())
    there = (path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.schema.json"))
    assert sorted(listed) == sorted(there)
