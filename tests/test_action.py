"""action.yml: its form as GitHub reads it, and its shell steps run with doubles and for real."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from spatialbench.cli import main

ROOT = Path(__file__).parents[1]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
EXPRESSION = re.compile(r"\$\{\{ (.+?) \}\}")
WITH_SHELL = {"name", "id", "if", "shell", "env", "run"}
WITH_ACTION = {"name", "id", "if", "uses", "with"}


def test_the_form_is_that_of_a_composite_action() -> None:
    assert ACTION.keys() == {
        "name",
        "description",
        "author",
        "branding",
        "inputs",
        "outputs",
        "runs",
    }
    assert ACTION["runs"].keys() == {"using", "steps"}
    assert ACTION["runs"]["using"] == "composite"
    for name, given in ACTION["inputs"].items():
        assert re.fullmatch(r"[a-z][a-z-]*", name)
        assert given.keys() <= {"description", "required", "default"}
        assert given.get("required", False) is not isinstance(given.get("default"), str)
    for step in STEPS:
        assert step.keys() <= (WITH_SHELL if "run" in step else WITH_ACTION), step["name"]
        assert step.get("shell", "bash") == "bash"
        assert ("run" in step) == ("shell" in step)
        assert re.fullmatch(r"actions/[a-z/-]+@v\d+", step.get("uses", "actions/cache@v1"))


def test_every_reference_leads_to_an_input_a_step_or_github() -> None:
    outputs = {step["id"] for step in STEPS if "id" in step}
    text = (ROOT / "action.yml").read_text()
    named = EXPRESSION.findall(text) + [step["if"] for step in STEPS if "if" in step]
    assert len(named) > 20
    for expression in named:
        for context, name in re.findall(r"\b(inputs|steps|github|runner)\.([\w-]+)", expression):
            if context == "inputs":
                assert name in ACTION["inputs"]
            elif context == "steps":
                assert name in outputs
            else:
                assert name in {"sha", "run_id", "run_attempt", "os"}


def test_nothing_that_a_user_gives_is_pasted_into_a_script() -> None:
    for step in STEPS:
        assert not EXPRESSION.search(step.get("run", ""))


@dataclass
class Job:
    """One use of the action: the shell steps in their order, with what GitHub would give them."""

    folder: Path
    doubles: Path
    inputs: dict[str, str]
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    printed: str = ""
    status: int = 0

    @property
    def summary(self) -> str:
        return (self.folder / "summary.md").read_text()

    @property
    def calls(self) -> list[list[str]]:
        """What the doubles were called with."""
        log = self.folder / "calls"
        lines = log.read_text().split("\x1f\n")[:-1] if log.exists() else []
        return [line.split("\x1f") for line in lines]

    def value(self, text: str) -> str:
        """An ``env`` entry with its expressions filled in."""

        def filled(match: re.Match[str]) -> str:
            context, _, name = match[1].partition(".")
            if context == "inputs":
                return self.inputs[name]
            step, _, output = name.partition(".outputs.")
            return self.outputs[step][output]

        return EXPRESSION.sub(filled, text)

    def wanted(self, step: dict[str, Any]) -> bool:
        """Of the conditions that shell steps have: an input is, or is not, a word."""
        if "if" not in step:
            return True
        condition = re.fullmatch(r"inputs\.([\w-]+) ([!=])= '(.*)'", step["if"])
        assert condition is not None
        name, sign, word = condition.groups()
        return (self.inputs[name] == word) is (sign == "=")

    def run(self) -> Job:
        (self.folder / "summary.md").touch()
        for step in STEPS:
            if "run" not in step or not self.wanted(step):
                continue
            script, told = self.folder / "step.sh", self.folder / "output"
            script.write_text(step["run"])
            told.write_text("")
            given = {key: self.value(str(value)) for key, value in step.get("env", {}).items()}
            environment = {
                **os.environ,
                "PATH": f"{self.doubles}{os.pathsep}{os.environ['PATH']}",
                "CALLS": str(self.folder / "calls"),
                "GITHUB_OUTPUT": str(told),
                "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
                "GITHUB_ACTION_PATH": "/the/action's folder",
                "RUNNER_TEMP": str(self.folder / "temp"),
                **given,
            }
            shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
            done = subprocess.run(
                shell, cwd=self.folder, env=environment, capture_output=True, text=True
            )
            self.printed += done.stdout + done.stderr
            if "id" in step:
                pairs = (line.split("=", 1) for line in told.read_text().splitlines())
                self.outputs[step["id"]] = dict(pairs)
            if done.returncode:
                self.status = done.returncode
                break
        return self


DOUBLE = """#!/bin/sh
printf '%s\\037' "$@" >> "$CALLS"
echo >> "$CALLS"
[ "$1" != "$FAILS" ] || exit 1
[ "$1" = gate ] || exit 0
while [ "$1" != --markdown ]; do shift; done
echo "# gate" > "$2"
exit "${ANSWERS:-0}"
"""

Start = Callable[..., Job]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """A job with the action's defaults and other inputs."""
    doubles = tmp_path / "bin"
    doubles.mkdir()
    for name in ("spatialbench", "python"):
        (doubles / name).write_text(DOUBLE)
        (doubles / name).chmod(0o755)
    (tmp_path / "gate.json").write_text("{}")

    def begin(**inputs: str) -> Job:
        defaults = {name: given.get("default", "") for name, given in ACTION["inputs"].items()}
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        return Job(tmp_path, doubles, {**defaults, "against": "gate.json", **given})

    return begin


def test_what_it_calls_and_what_it_says(start: Start) -> None:
    job = start(run="--method sd --name 'my \"best\" LoRA; rm x'\n--bench visor").run()
    results = job.outputs["places"]["results"]
    given = ["--method", "sd", "--name", 'my "best" LoRA; rm x', "--bench", "visor"]
    files = ["--junit", f"{results}/gate.xml", "--markdown", f"{results}/gate.md"]
    assert job.calls == [
        ["-m", "pip", "install", "torch"],
        ["-m", "pip", "install", "/the/action's folder"],
        ["run", *given, "--out", "runs/gate"],
        ["gate", "runs/gate", "--against", "gate.json", *files],
        ["gallery", "runs/gate", "--copy", "--out", f"{results}/gallery"],
    ]
    assert (job.status, job.outputs["gate"]) == (0, {"status": "0", "answer": "pass"})
    assert job.summary == "# gate\n"


@pytest.mark.parametrize(
    ("status", "answer"),
    [(1, "regression"), (2, "cannot-tell"), (64, "no-answer"), (70, "no-answer")],
)
def test_the_answer_comes_after_the_gallery(
    start: Start, monkeypatch: pytest.MonkeyPatch, status: int, answer: str
) -> None:
    monkeypatch.setenv("ANSWERS", str(status))
    job = start(install="none", gate_options="--sequential").run()
    assert [call[0] for call in job.calls] == ["gate", "gallery"]
    assert "--sequential" in job.calls[0]
    assert (job.status, job.outputs["gate"]["answer"]) == (status, answer)
    assert job.summary == "# gate\n"
    assert f"::error title=spatialbench::{answer}" in job.printed


def test_cannot_tell_may_be_a_warning(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSWERS", "2")
    job = start(install="none", cannot_tell="warn", gallery="false").run()
    assert [call[0] for call in job.calls] == ["gate"]
    assert job.status == 0
    assert "::warning title=spatialbench::these images cannot tell" in job.printed
    monkeypatch.setenv("ANSWERS", "1")
    assert start(install="none", cannot_tell="warn").run().status == 1


def test_a_gallery_that_fails_hides_no_answer(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAILS", "gallery")
    job = start(install="none").run()
    assert (job.status, "::notice title=spatialbench::pass" in job.printed) == (0, True)


def test_a_run_that_fails_ends_the_job(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAILS", "run")
    job = start(run="--method sd", install="none").run()
    assert job.status == 1
    assert [call[0] for call in job.calls] == ["run"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"against": "nowhere.json"}, "there is no gate file 'nowhere.json'"),
        ({"cannot_tell": "ignore"}, "cannot-tell must be fail or warn, not 'ignore'"),
        ({"cache": "yes"}, "gallery and cache must be true or false, not 'yes'"),
        ({"run": "--name 'open"}, "unmatched single quote"),
    ],
)
def test_wrong_inputs_are_told(start: Start, wrong: dict[str, str], said: str) -> None:
    job = start(**{"install": "none", **wrong}).run()
    assert job.status != 0
    assert job.calls == []
    assert said in job.printed


def test_the_same_for_real(
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    plugin_package: Path,
    tmp_path: Path,
) -> None:
    """Runs of coloured squares: one is held to its own gate, a worse one to the same."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(plugin_package))
    run = ["--method", "painter", "--bench", "squares", "--limit", "12"]
    for folder, skill in (("good", "0.9"), ("worse", "0.1")):
        assert main(["run", *run, "--set", f"skill={skill}", "--out", folder]) == 0
    assert main(["gate", "good", "--write", "gate.json", "--force"]) == 0
    capsys.readouterr()
    job = start(install="none", run=" ".join([*run, "--set", "skill=0.9"]))
    call = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m spatialbench "$@"\n'
    (job.doubles / "spatialbench").write_text(call)
    job.run()
    assert (job.status, job.outputs["gate"]["answer"]) == (0, "pass"), job.printed
    assert "gate, squares: pass" in job.summary
    results = Path(job.outputs["places"]["results"])
    assert (results / "gallery" / "index.html").stat().st_size > 1_000
    assert "<testsuite" in (results / "gate.xml").read_text()
    worse = start(install="none", folder="worse", gallery="false").run()
    assert (worse.status, worse.outputs["gate"]["answer"]) == (1, "regression"), worse.printed
    assert "gate, squares: REGRESSION" in worse.summary
