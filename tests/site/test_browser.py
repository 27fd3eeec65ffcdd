"""The site as a person uses it: sorting, filters, keys, links; in a real browser, from files."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from spatialbench.site import boards, build
from spatialbench.site.boards import Board
from spatialbench.site.collecting import Collection

from ..reports.gallery.browser import Browser
from .conftest import painted, site

BOARD = "document.querySelector('.board')"
NAMES = (
    f"[...{BOARD}.querySelectorAll('tbody tr')].filter((row) => !row.hidden)"
    ".map((row) => row.dataset.name)"
)
POINTS = f"[...{BOARD}.querySelectorAll('.points li')].map((row) => row.textContent)"
COUNT = "document.querySelector('#count').textContent"


def _choose(browser: Browser, name: str, value: str) -> None:
    browser.evaluate(
        f"{{ const field = document.querySelector('{name}'); field.value = '{value}';"
        " field.dispatchEvent(new Event('input', {bubbles: true})); }"
    )


def _click(browser: Browser, selector: str) -> None:
    browser.evaluate(f"document.querySelector({selector!r}).click()")


def test_sorting_and_filters(browser: Browser, runs: Path, tmp_path: Path) -> None:
    index = site(runs, tmp_path / "out").index
    browser.open(index)
    bad, good, coin = "painter (skill=0.2)", "painter (skill=0.9)", "a coin"
    assert browser.evaluate(NAMES) == [bad, good, coin]
    button = "[...document.querySelectorAll('thead button')].find((b) => b.textContent === 'RIGHT')"
    for way, names in (
        ("descending", [good, coin, bad]),
        ("ascending", [bad, coin, good]),
        ("none", [bad, good, coin]),
    ):
        browser.evaluate(f"{button}.click()")
        assert browser.evaluate(NAMES) == names
        assert browser.evaluate(f"{button}.parentElement.ariaSort") == way
    browser.evaluate(f"{button}.click()")
    _choose(browser, ".metric", "RIGHT")
    points = browser.evaluate(POINTS)
    assert [name for name in (good, coin, bad) for point in points if name in point] == [
        good,
        coin,
        bad,
    ]
    assert browser.evaluate(COUNT) == "3 rows"
    _choose(browser, "#text", "SKILL=0.9")
    assert browser.evaluate(NAMES) == [good]
    assert browser.evaluate(COUNT) == "1 of 3 rows"
    kept = browser.evaluate("location.hash")
    browser.open(index, kept)
    assert browser.evaluate(NAMES) == [good]
    assert browser.evaluate("document.querySelector('.metric').value") == "RIGHT"
    _choose(browser, "#text", "nobody")
    assert browser.evaluate("!document.querySelector('.nothing').hidden")
    _click(browser, ".filters button[type=reset]")
    browser.wait(f"{NAMES}.length === 3")
    unit = f"{BOARD}.querySelector('.unit').textContent.includes('hollow: published')"
    assert browser.evaluate(unit)
    _click(browser, "#published")
    assert browser.evaluate(NAMES) == [good, bad]
    assert not browser.evaluate(unit)
    assert browser.complaints == []
    assert {url.split(":")[0] for url in browser.requested} <= {"file", "data", "about"}


def test_the_forest_shows_the_numbers(browser: Browser, runs: Path, tmp_path: Path) -> None:
    browser.open(site(runs, tmp_path / "out").index)
    for place in range(2):
        _choose(browser, ".metric", ("FOUND", "RIGHT")[place])
        seen = browser.evaluate(
            f"[...{BOARD}.querySelectorAll('tbody tr')].map((row) => ["
            f"Number(row.cells[{3 + place}].dataset.value), row.cells[{3 + place}].dataset.low])"
        )
        drawn = browser.evaluate(
            f"[...{BOARD}.querySelectorAll('.points li')].map((row) => ["
            "parseFloat(row.querySelector('.dot').style.left),"
            "(row.querySelector('.between') || {style: {}}).style.left])"
        )
        for (value, low), (dot, left) in zip(seen, drawn, strict=True):
            assert dot == pytest.approx(value, abs=1e-3)
            assert (left is None) == (low is None)
            assert left is None or float(left[:-1]) == pytest.approx(float(low), abs=1e-3)


def test_keys(browser: Browser, runs: Path, tmp_path: Path) -> None:
    browser.open(site(runs, tmp_path / "out").index)
    browser.press("/")
    assert browser.evaluate("document.activeElement.id") == "text"
    browser.press("Escape")
    dark = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0] < 128"
    assert not browser.evaluate(dark)
    browser.press("t")
    assert browser.evaluate(dark)
    (page,) = (tmp_path / "out" / "runs").glob("*0.9*/index.html")
    browser.open(page)
    assert browser.evaluate(dark)
    assert browser.evaluate("document.querySelector('.crumbs a').href").endswith("/out/index.html")


def test_several_benchmarks(browser: Browser, runs: Path, tmp_path: Path) -> None:
    """Here one benchmark in two sets of prompts, and the lab apart: a table for each."""
    painted(tmp_path / "runs" / "left", "--only", "left")
    browser.open(site(runs, tmp_path / "out").index)
    assert browser.evaluate("document.querySelectorAll('.board').length") >= 1
    signs = browser.evaluate("[...document.querySelectorAll('.sign')].map((s) => s.textContent)")
    assert "[1]" in signs
    assert "other conditions" in browser.evaluate("document.querySelector('details').textContent")


def test_nobody_is_left_out(browser: Browser, runs: Path, tmp_path: Path, axe: str) -> None:
    """axe-core finds nothing on any page, at three widths, light and dark; nothing is cut off."""
    shutil.rmtree(runs / "good" / "images")
    (runs / "broken").mkdir()
    (runs / "broken" / "summary.json").write_text("{")
    built = site(runs, tmp_path / "out")
    for page in (tmp_path / "out").rglob("*.html"):
        for dark in (False, True):
            browser.dark(dark)
            for width in (390, 768, 1400):
                browser.size(width)
                browser.open(page)
                browser.evaluate(
                    "document.querySelectorAll('details').forEach((one) => { one.open = true; })"
                )
                assert browser.violations(axe) == []
                assert not browser.scrolls_sideways
    assert built.without
    assert browser.complaints == []


def test_a_benchmark_and_a_metric_of_any_name(
    browser: Browser, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that begins with a digit, and one that is called like a column that is there."""
    real = boards.boards

    def renamed(collected: Collection, published: bool) -> list[Board]:
        (board,) = real(collected, published)
        called = [replace(board.metrics[0], key="images"), *board.metrics[1:]]
        return [replace(board, name=name, metrics=called) for name in ("2d", "3.d")]

    monkeypatch.setattr(build, "boards", renamed)
    index = site(runs, tmp_path / "out").index
    browser.open(index)
    shown = "[...document.querySelectorAll('.board')].filter((b) => !b.hidden).map((b) => b.id)"
    assert browser.evaluate(shown) == ["2d", "3.d"]
    numbers = f"[...{BOARD}.querySelectorAll('.points .dot')].map((d) => parseFloat(d.style.left))"
    values = (
        f"[...{BOARD}.querySelectorAll('tbody tr')].map((r) => Number(r.cells[3].dataset.value))"
    )
    assert browser.evaluate(numbers) == pytest.approx(browser.evaluate(values), abs=1e-3)
    browser.evaluate(f"{BOARD}.querySelectorAll('thead button')[3].click()")
    kept = browser.evaluate("location.hash")
    browser.open(index, kept)
    assert browser.evaluate(f"{BOARD}.querySelectorAll('thead th')[3].ariaSort") == "descending"
    assert browser.complaints == []


def test_links_inside_the_page_keep_its_state(browser: Browser, runs: Path, tmp_path: Path) -> None:
    """The skip link and those to the tables move the focus, and nothing else."""
    browser.open(site(runs, tmp_path / "out").index)
    _choose(browser, "#text", "0.9")
    kept = browser.evaluate("location.hash")
    browser.evaluate("document.querySelector('.skip').focus()")
    browser.press("Enter")
    browser.wait("document.activeElement.id === 'main'")
    assert browser.evaluate("location.hash") == kept == "#text=0.9"
    (page,) = (tmp_path / "out" / "runs").glob("*0.9*/index.html")
    browser.open(page, "#verdict=r")
    _click(browser, ".skip")
    browser.wait("document.activeElement.id === 'main'")
    assert browser.evaluate("document.querySelector('#verdict').value") == "r"
    assert browser.evaluate("location.hash") == "#verdict=r"
    assert browser.complaints == []


def test_sorting_is_told_and_an_old_link_is_harmless(
    browser: Browser, runs: Path, tmp_path: Path
) -> None:
    browser.open(site(runs, tmp_path / "out").index, "#base=gone&mark=gone&sort.gone=x.up&plot.x=y")
    assert browser.evaluate("document.querySelector('#base').selectedIndex") == 0
    assert len(browser.evaluate(NAMES)) == 3
    told = "document.querySelector('#said').textContent"
    browser.evaluate("document.querySelectorAll('thead button')[4].focus()")
    for words in ("sorted by RIGHT, descending", "sorted by RIGHT, ascending", "first order"):
        browser.press("Enter")
        browser.wait(f"{told}.includes('{words}')")
    assert browser.complaints == []


def test_on_paper_all_rows_stand_in_light_colours(
    browser: Browser, runs: Path, tmp_path: Path
) -> None:
    browser.open(site(runs, tmp_path / "out").index)
    browser.press("t")
    browser.paper(True)
    style = f"getComputedStyle({BOARD}.querySelector('.scroll'))"
    assert browser.evaluate(f"{style}.overflow") == "visible"
    assert browser.evaluate(f"{style}.maxHeight") == "none"
    ground = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0]"
    assert browser.evaluate(ground) > 200
    assert browser.evaluate("getComputedStyle(document.querySelector('.filters')).display") == (
        "none"
    )
    browser.paper(False)
    assert browser.evaluate(ground) < 128
