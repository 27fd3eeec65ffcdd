"""The gallery as a person uses it: filters, keys, pages; in a real browser, from a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from spatialbench.reports.compare.comparison import compare
from spatialbench.reports.gallery import build
from spatialbench.reports.gallery.build import build_gallery
from spatialbench.reports.gallery.charts import sweep_of
from spatialbench.reports.gallery.records import Side

from ...stages.fakes import Shapes
from ..scored_runs import scored_run
from .browser import Browser
from .conftest import shapes_side
from .test_build import Active

CARDS = "[...document.querySelectorAll('.card')]"
FOCUS = "document.activeElement.dataset.id"


def _choose(browser: Browser, name: str, value: str) -> None:
    ready = browser.evaluate("document.body.dataset.ready")
    browser.evaluate(
        f"{{ const field = document.querySelector('#{name}'); field.value = '{value}';"
        " field.dispatchEvent(new Event('input', {bubbles: true})); }"
    )
    browser.wait(f"document.body.dataset.ready !== '{ready}'")


def test_four_hundred_images(browser: Browser, tmp_path: Path) -> None:
    side = shapes_side(tmp_path / "run", Shapes(200, images=2))
    built = build_gallery(tmp_path / "run" / "gallery", [side], sweeps=[sweep_of(side)])
    browser.open(built.index)
    assert browser.evaluate(f"{CARDS}.length") == 120 <= 200
    assert browser.evaluate("document.querySelector('#page').textContent") == "page 1 of 4"
    assert browser.evaluate("[...document.images].every((image) => image.loading === 'lazy')")
    browser.wait("document.images[0].complete && document.images[0].naturalWidth === 16")

    columns = side.scored.table.columns
    tasks = [prompt.task for prompt in side.scored.table.prompts]
    left = [tasks[row] == "left" for row in side.scored.table.prompt_row.tolist()]
    right = columns["correct"].tolist()
    _choose(browser, "task", "left")
    assert browser.evaluate("document.querySelector('#count').textContent") == (
        f"{sum(left)} of 400 images"
    )
    _choose(browser, "verdict", "r")
    both = sum(one and other for one, other in zip(left, right, strict=True))
    assert browser.evaluate(f"{CARDS}.length") == min(120, both)
    assert browser.evaluate(f"{CARDS}.every((card) => card.dataset.verdict === 'r')")
    _choose(browser, "object", "circ")
    assert browser.evaluate(f"{CARDS}.length") == min(120, both)
    _choose(browser, "object", "triangle")
    assert browser.evaluate("!document.querySelector('#none').hidden")
    assert browser.complaints == []
    assert {url.split(":")[0] for url in browser.requested} <= {"file", "data", "about"}


def test_keys(browser: Browser, tmp_path: Path) -> None:
    side = shapes_side(tmp_path / "run", Shapes(80, images=2))
    built = build_gallery(tmp_path / "run" / "gallery", [side])
    browser.open(built.index)
    ids = browser.evaluate(f"{CARDS}.map((card) => card.dataset.id)")
    browser.press("ArrowRight")
    assert browser.evaluate(FOCUS) == ids[0]
    browser.press("l")
    browser.press("ArrowRight")
    browser.press("h")
    assert browser.evaluate(FOCUS) == ids[1]
    columns = browser.evaluate(
        "getComputedStyle(document.querySelector('#cards')).gridTemplateColumns.split(' ').length"
    )
    browser.press("j")
    assert browser.evaluate(FOCUS) == ids[1 + columns]
    browser.press("Enter")
    assert browser.evaluate("document.querySelector('#large').open")
    assert ids[1 + columns] in browser.evaluate("document.querySelector('.told').textContent")
    browser.press("ArrowRight")
    assert ids[2 + columns] in browser.evaluate("document.querySelector('.told').textContent")
    browser.evaluate("document.querySelector('#large').close()")
    browser.press("b")
    assert browser.evaluate("document.body.classList.contains('noboxes')")
    browser.press("n")
    browser.wait("document.querySelector('#page').textContent === 'page 2 of 2'")
    browser.press("v")
    assert browser.evaluate("document.activeElement.id") == "verdict"
    assert browser.evaluate("location.hash") == "#page=2"
    assert browser.complaints == []


def test_a_link_keeps_its_filters(browser: Browser, tmp_path: Path) -> None:
    side = shapes_side(tmp_path / "run", Shapes(12))
    built = build_gallery(tmp_path / "run" / "gallery", [side])
    browser.open(built.index, "#task=above&object=square")
    above = sum(prompt.task == "above" for prompt in side.scored.table.prompts)
    assert browser.evaluate(f"{CARDS}.length") == 2 * above


def test_flips_come_first(browser: Browser, tmp_path: Path) -> None:
    a = Side.of(scored_run(tmp_path / "a", lambda p, k: k == 0))
    b = Side.of(scored_run(tmp_path / "b", lambda p, k: int(p.id) % 3 > 0, method="other"))
    (comparison,) = compare(a.scored, [b.scored])
    built = build_gallery(tmp_path / "out", [a, b], comparison)
    browser.open(built.index)
    letters = browser.evaluate(f"{CARDS}.map((card) => card.dataset.verdict)")
    assert letters == ["l"] * comparison.lost + ["g"] * (60 - comparison.lost)
    assert browser.evaluate("document.querySelectorAll('.card:first-child .frame').length") == 2
    browser.press("ArrowRight")
    browser.press("Enter")
    told = browser.evaluate(
        "[...document.querySelectorAll('#large .told p')]"
        ".map((p) => [...p.children].map((part) => part.textContent).join(' '))"
    )
    assert told == ["A right", "B wrong"]
    assert browser.complaints == []


def test_html_in_a_prompt_does_nothing(browser: Browser, tmp_path: Path) -> None:
    side = Side.of(scored_run(tmp_path / "run", lambda p, k: k == 0, benchmark=Active()))
    built = build_gallery(tmp_path / "out", [side])
    browser.open(built.index)
    assert browser.evaluate("document.querySelector('.card h3').textContent").startswith("<img")
    assert browser.evaluate("document.querySelectorAll('.card img').length") == 0
    assert browser.complaints == []


@pytest.mark.parametrize("dark", [False, True])
def test_light_and_dark(browser: Browser, tmp_path: Path, dark: bool) -> None:
    side = shapes_side(tmp_path / "run", Shapes(4))
    built = build_gallery(tmp_path / "run" / "gallery", [side])
    browser.dark(dark)
    browser.open(built.index)
    colour = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    assert (browser.evaluate(colour)[0] < 128) is dark
    browser.press("t")
    assert (browser.evaluate(colour)[0] < 128) is not dark


def test_pages_never_hold_more_than_200() -> None:
    assert build.PER_PAGE <= 200
