"""A method with a hostile name, from import to the gallery: shown everywhere, obeyed nowhere."""

from __future__ import annotations

import csv
import io
import json
import os
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from .conftest import Command

TERMINAL = "\x1b[31mred\x1b]52;c;cm0K\x07\x9b31m\u202etxt\u2066x\u2028\u200b\r\b"
MARKUP = "</script><script>alert(1)</script><img src=x onerror=alert(1)>]]>&amp;<!--"
MARKDOWN = "[x](javascript:alert(1)) ![i](http://e/x.png) | `c`\n# Head\n\n---"
LATEX = r"\input{/etc/passwd}%$#_^~{}"
FORMULA = "=HYPERLINK(1)"
NAMES = [TERMINAL, MARKUP, MARKDOWN, LATEX, FORMULA]


@pytest.fixture(params=NAMES, ids=["terminal", "markup", "markdown", "latex", "formula"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def named(spatialbench: Command, name: str) -> Command:
    """A run by a method of that name, on a backbone and with boxes of a detector called so too."""
    made = ("run", "--method", "painter", "--bench", "squares", "--limit", "2", "--out", "base")
    assert spatialbench(*made).status == 0
    (journal,) = Path("base/detections").glob("*/detections.jsonl")
    imported = ("import", journal, "--layout", "detections", "--bench", "squares", "--limit", "2")
    names = ("--name", name, "--backbone", name, "--detector-name", name)
    outcome = spatialbench(*imported, *names, "--out", "run")
    assert outcome.status == 0, outcome.err
    _inert(outcome.out + outcome.err)
    assert spatialbench("score", "run").status == 0
    assert spatialbench("gate", "base", "--write", "gate.json").status == 0
    return spatialbench


def _inert(text: str) -> None:
    assert not {c for c in text if not c.isprintable() and c not in "\n\t"}
    text.encode()


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.odd: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if any(key.startswith("on") or str(value) == "x" for key, value in attrs):
            self.odd.append(tag)

    def handle_data(self, data: str) -> None:
        if self.lasttag == "script" and "alert" in data.replace("<script>alert", ""):
            self.odd.append(data)


def _no_tags(text: str) -> None:
    page = _Page()
    page.feed(text)
    assert not page.odd


def _no_markdown(text: str) -> None:
    _no_tags(text)
    assert "](" not in text.replace("\\](", "")
    assert "\n# Head" not in text
    assert "\n---" not in text


@pytest.mark.parametrize(
    "verb", [("leaderboard", "run", "base"), ("score", "run"), ("status", "run"), ("power", "run")]
)
def test_every_table(named: Command, verb: tuple[str, ...]) -> None:
    for form in ("table", "md", "csv", "json", "latex", "html"):
        outcome = named(*verb, "--format", form)
        if "is not one of" in outcome.err or "No such option" in outcome.err:
            continue
        assert outcome.status == 0, outcome.err
        _inert(outcome.out + outcome.err)
        if form == "html":
            _no_tags(outcome.out)
        elif form == "md":
            _no_markdown(outcome.out)
        elif form == "latex":
            assert r"\input" not in outcome.out
        elif form == "csv":
            cells = [cell for row in csv.reader(io.StringIO(outcome.out)) for cell in row]
            assert not [cell for cell in cells if cell.startswith(("=", "@", "\t"))]
        elif form == "json":
            json.loads(outcome.out)


def test_a_gate_in_every_form(named: Command) -> None:
    written = ("--junit", "j.xml", "--markdown", "m.md")
    outcome = named("gate", "run", "--against", "gate.json", *written)
    assert outcome.status == 2
    _inert(outcome.out + outcome.err)
    _inert(Path("j.xml").read_text())
    ElementTree.parse("j.xml")
    _inert(Path("m.md").read_text())
    _no_markdown(Path("m.md").read_text())


def test_a_gallery(named: Command, name: str) -> None:
    made = named("import", *_images(named), "--name", name, "--backbone", name, "--out", "seen")
    assert made.status == 0, made.err
    assert named("detect", "seen", "--detector", "colour-blobs").status == 0
    assert named("score", "seen").status == 0
    assert named("gallery", "seen", "base", "--out", "g").status == 0
    for path in Path("g").rglob("*"):
        if path.suffix in (".html", ".js", ".svg"):
            _inert(path.read_text())
        if path.suffix == ".html":
            _no_tags(path.read_text())


def _images(command: Command) -> tuple[str, ...]:
    assert command("export", "base", "--layout", "flat+csv", "--out", "flat").status == 0
    return ("flat", "--layout", "flat+csv", "--bench", "squares", "--limit", "2")


@pytest.mark.parametrize("option", ["--name", "--backbone", "--detector-name"])
def test_a_name_that_is_no_utf_8_is_refused_at_once(spatialbench: Command, option: str) -> None:
    named = ("import", "nothing", "--layout", "flat+csv", "--bench", "squares", "--name", "x")
    outcome = spatialbench(*named, option, os.fsdecode(b"caf\xe9"))
    assert outcome.status == 2
    assert "is not UTF-8" in outcome.err
