"""The commands in docs/ name verbs, options and files that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from spatialbench.cli import root

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
LINE = re.compile(r"^\s*(?:- run: )?(?:>\s*)?(spatialbench .*)$", re.MULTILINE)


def _commands(page: Path) -> list[list[str]]:
    text = re.sub(r">\n\s+", "", page.read_text())
    text = re.sub(r"(spatialbench gate [^\n]*)\n\s+(--)", r"\1 \2", text)
    return [shlex.split(line, comments=True)[1:] for line in LINE.findall(text)]


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_verbs_and_options_exist(page: Path) -> None:
    for verb, *arguments in _commands(page):
        command: click.Command | None = root.get_command(click.Context(root), verb)
        while isinstance(command, click.Group):
            command = command.get_command(click.Context(command), arguments.pop(0))
        assert command is not None
        known = {name for parameter in command.params for name in parameter.opts}
        given = {argument for argument in arguments if argument.startswith("--")}
        assert given <= known, (verb, given - known)


def test_commands_are_found() -> None:
    assert sum(bool(_commands(page)) for page in PAGES) >= 7


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target
