"""The README's commands are run as printed; those that need a GPU or the network are planned."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import click
import pytest

from spatialbench.cli import main, root
from tests.test_architecture import ORDER

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```sh\n(.*?)```", README.read_text(), flags=re.DOTALL)


def _commands(start: str) -> list[list[str]]:
    """Arguments of the ``spatialbench`` lines of the block that starts so."""
    block = next(block for block in BLOCKS if block.startswith(start))
    lines = [line for line in block.splitlines() if line.startswith("spatialbench ")]
    return [shlex.split(line, comments=True)[1:] for line in lines]


def test_the_everyday_commands_work_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments in _commands("spatialbench list methods"):
        status = main(arguments)
        out, err = capfd.readouterr()
        assert status == 0, (arguments, err)
        assert out.strip(), arguments
        if "json" in arguments:
            assert json.loads(out)["images"] == 16
    assert len((tmp_path / "verdicts.jsonl").read_text().splitlines()) == 16


def test_the_gpu_commands_are_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    planned = [c for c in _commands("spatialbench fetch") if c[0] == "run"]
    assert len(planned) == 2
    for arguments in planned:
        assert main([*arguments, "--dry-run"]) == 0, capfd.readouterr().err
    assert "sd2.1-base" in capfd.readouterr().out


def test_every_verb_the_readme_names_exists() -> None:
    named = set(re.findall(r"spatialbench ([a-z-]+)\b", README.read_text()))
    verbs = set(root.list_commands(click.Context(root)))
    assert named & verbs
    assert {verb for verb in named if f"`spatialbench {verb}" in README.read_text()} <= verbs


def test_make_targets_exist() -> None:
    targets = (README.parent / "Makefile").read_text()
    for target in re.findall(r"^make ([a-z]+)", "\n".join(BLOCKS), flags=re.MULTILINE):
        assert f"\n{target}:" in targets


def test_the_architecture_names_every_room() -> None:
    text = README.read_text()
    table = text[text.index("| room |") : text.index("`benchmarks/`, `detectors/`")]
    cells = [row.split("|")[1] for row in table.splitlines()[2:] if row]
    rooms = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert rooms == [room for room in ORDER if room != "lab/training"]


def test_the_glossary_explains_the_ten_words() -> None:
    text = (README.parent / "docs" / "glossary.md").read_text()
    words = "method backbone detector judge rule metric subset selection identity signature"
    assert re.findall(r"^\| \*(\w+)\* \|", text, flags=re.MULTILINE) == words.split()
