"""The commands in docs/ name verbs, options and files that exist; the pages build as a site."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
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
            # What stands after 'runs' may be an option of its list, or nothing.
            named = bool(arguments) and arguments[0] in command.commands
            name = arguments.pop(0) if named else "list"
            command = command.get_command(click.Context(command), name)
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


def _site(source: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """`make docs`, of any folder."""
    command = re.search(r'^\t"\$\(BIN\)/python" (-m sphinx .*) \. build/docs$', MAKEFILE, re.M)
    assert command is not None
    options = command[1].replace("-c docs", f"-c {ROOT / 'docs'}").split()
    full = [sys.executable, *options, str(source), str(out)]
    return subprocess.run(full, capture_output=True, text=True, cwd=ROOT)


MAKEFILE = (ROOT / "Makefile").read_text()


def test_the_site_builds_and_all_its_links_and_anchors_lead_somewhere(tmp_path: Path) -> None:
    built = _site(ROOT, tmp_path)
    assert (built.returncode, built.stderr) == (0, "")
    for page in PAGES:
        assert (tmp_path / "docs" / f"{page.stem}.html").stat().st_size > 1_000
    first = (tmp_path / "README.html").read_text()
    for image in ("gallery.png", "lab.png"):
        assert f'src="_images/{image}"' in first
        assert (tmp_path / "_images" / image).read_bytes() == (
            ROOT / "docs" / "images" / image
        ).read_bytes()
    # Nothing is loaded from elsewhere: the site works without a network.
    assert not re.findall(r'(?:src|<link[^>]* href)="https?:', first)
    assert "README.html" in (tmp_path / "index.html").read_text()


def test_links_and_anchors_that_lead_nowhere_stop_it(tmp_path: Path) -> None:
    (tmp_path / "in" / "docs").mkdir(parents=True)
    text = "# Title\n\n[a](docs/gone.md) [b](docs/page.md#gone) [c](docs/page.md#there)\n"
    (tmp_path / "in" / "README.md").write_text(text)
    (tmp_path / "in" / "docs" / "page.md").write_text("# Page\n\n## There\n")
    built = _site(tmp_path / "in", tmp_path / "out")
    assert built.returncode != 0
    broken = re.findall(r"target not found: '([^']+)'", built.stderr)
    broken += re.findall(r"local id not found in doc '[^']+': '([^']+)'", built.stderr)
    assert sorted(broken) == ["docs/gone.md", "gone"], built.stderr
