"""The recipes of docs/extending.md: each file is written as it stands, and its commands are run."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from spatialbench.cli import main

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "extending.md").read_text()
MOST_LINES, MOST_FILES = 60, 3


@dataclass(frozen=True)
class Recipe:
    """A section with code: its title, the files it names to read, its files and its commands."""

    title: str
    reads: tuple[str, ...]
    files: tuple[tuple[str, str], ...]
    commands: tuple[str, ...]


def _blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


def _recipes() -> Iterator[Recipe]:
    for section in TEXT.split("\n## ")[1:]:
        code = _blocks(section, "python")
        if not code:
            continue
        read = re.search(r"^Read: (.*?)\n\n", section, re.M | re.S)
        reads = re.findall(r"\]\(\.\./([^)]+)\)", read[1]) if read else []
        files = [(block.splitlines()[0].removeprefix("# "), block) for block in code]
        commands = [line for block in _blocks(section, "sh") for line in block.splitlines()]
        title = section.partition("\n")[0]
        yield Recipe(title, tuple(reads), tuple(files), tuple(commands))


RECIPES = list(_recipes())


@pytest.mark.parametrize("recipe", RECIPES, ids=[recipe.title for recipe in RECIPES])
def test_a_recipe_is_short(recipe: Recipe) -> None:
    assert 1 <= len(recipe.reads) <= MOST_FILES
    assert [path for path in recipe.reads if not (ROOT / path).is_file()] == []
    for name, content in recipe.files:
        assert re.fullmatch(r"\w+\.py", name)
        assert len(content.splitlines()) <= MOST_LINES + 1, name


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every file of every recipe, and the run that the page begins with."""
    made = tmp_path_factory.mktemp("recipes")
    for recipe in RECIPES:
        for name, content in recipe.files:
            (made / name).write_text(content)
    (command,) = _blocks(TEXT.partition("\n## ")[0], "sh")
    with contextlib.chdir(made):
        assert main(shlex.split(command)[1:]) == 0
    return made


@pytest.mark.usefixtures("no_given_plugins")
@pytest.mark.parametrize("recipe", RECIPES, ids=[recipe.title for recipe in RECIPES])
def test_a_recipe_runs(
    recipe: Recipe,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    assert recipe.commands
    for command in recipe.commands:
        first, *words = shlex.split(command)
        assert first == "spatialbench"
        assert main(words) == 0, capsys.readouterr().err
