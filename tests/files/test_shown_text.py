"""Hostile names in every form of output: shown, and obeyed by nothing."""

from __future__ import annotations

import csv
import io
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialbench.files.shown_text import (
    counted,
    csv_cell,
    inert,
    inert_line,
    markdown_text,
    printable,
)
from spatialbench.reports.report import Report
from spatialbench.reports.tables import Table

OBEYED = {
    "colour": "\x1b[31mred",
    "title of the window": "\x1b]0;owned\x07",
    "clipboard": "\x1b]52;c;cm0gLXJm\x07",
    "bell": "\x07",
    "erases": "ok\x08\x08no",
    "starts the line again": "safe\rhidden",
    "C1 control": "\x9b31mred",
    "direction": "a\u202etxt.exe",
    "isolate": "\u2066a\u2069",
    "not seen": "a\u200bb\ufeff",
    "line separator": "a\u2028b",
    "tag characters": "\U000e0041",
    "half a surrogate": "caf\udce9",
    "device control": "\x90q\x9c",
}
FORMULAS = ("=1+1", "+1+cmd", "-2+3+cmd", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "-x")
NUMBERS = ("-3.20", "+1.5", "1e-5", "-1e-5", "-inf", "nan", "–", "12,345", "-4%", "62.03 ± 0.4")


def forms(name: str) -> dict[str, str]:
    table = Table(
        ["method", name], [[name, "1.0"]], title=name, notes=[name], bold=frozenset({(0, 0)})
    )
    return {
        "table": Report([table]).text("table"),
        "md": Report([table]).text("md"),
        "latex": Report([table]).text("latex"),
        "csv": Report([], records=(["method", name], [[name, "1.0"]])).text("csv"),
        "html": Report([table]).text("html"),
        "message": printable(name),
        "text": inert(name),
    }


@pytest.mark.parametrize("name", OBEYED.values(), ids=list(OBEYED))
def test_nothing_that_a_terminal_obeys_is_printed(name: str) -> None:
    for form, text in forms(name).items():
        odd = {c for c in text if not c.isprintable() and c not in "\n\t"}
        assert not odd, form
        text.encode()  # no half surrogate is left


@given(st.text(), st.sampled_from(["a", ""]))
def test_whatever_the_text(text: str, before: str) -> None:
    shown = inert_line(before + text)
    assert inert_line(shown) == shown
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in shown)
    assert inert("plain text\n\tof lines – ± é 猫 🐱") == "plain text\n\tof lines – ± é 猫 🐱"


@pytest.mark.parametrize("cell", FORMULAS)
def test_a_formula_is_a_text(cell: str) -> None:
    (row,) = csv.reader(io.StringIO(Report([], records=([cell], [])).text("csv")))
    assert row[0].startswith("'")


@pytest.mark.parametrize("cell", NUMBERS)
def test_a_number_stays_a_number(cell: str) -> None:
    assert csv_cell(cell) == cell


MARKUP = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![x](https://example.org/seen.png)",
    "[click](javascript:alert(1))",
    "`code` | cell",
    "&lt;b&gt;",
)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)


@pytest.mark.parametrize("name", MARKUP)
def test_markup_is_text(name: str) -> None:
    for form in ("md", "html"):
        found = _Tags()
        found.feed(forms(name)[form])
        assert "script" not in found.tags
        assert "img" not in found.tags
    text = markdown_text(name)
    assert "<" not in text
    assert "](" not in text.replace("\\](", "")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("*a* **b** ~c~", "\\*a* \\*\\*b\\** \\~c~"),
        ("_a_ VISOR_cond __b__", "\\_a_ VISOR_cond \\_\\_b__"),
        ("$x^2$ costs 5 $", "\\$x^2$ costs 5 $"),
        ("a\\|b \\d \\", "a\\\\\\|b \\d \\\\"),
        ("@team lab@1 * star", "&#64;team lab@1 * star"),
    ],
)
def test_nothing_is_emphasised_and_nobody_is_called(name: str, shown: str) -> None:
    """What would begin it is escaped: then nothing can end it."""
    assert markdown_text(name) == shown


def test_one_is_no_plural() -> None:
    assert [counted(n, "image") for n in (0, 1, 2, 2000)] == [
        "0 images",
        "1 image",
        "2 images",
        "2,000 images",
    ]
    assert [counted(n, "batch", "batches") for n in (1, 3)] == ["1 batch", "3 batches"]
