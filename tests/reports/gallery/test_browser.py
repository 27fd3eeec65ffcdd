"""The gallery as a person uses it: filters, keys, pages; in a real browser, from a file."""

from __future__ import annotations

from dataclasses import replace
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
    assert browser.evaluate("location.hash").startswith("#image=")
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


def _told(browser: Browser) -> str:
    told: str = browser.evaluate("document.querySelector('#large .told').textContent")
    return told


def test_the_large_view_goes_on_over_pages(browser: Browser, tmp_path: Path) -> None:
    side = shapes_side(tmp_path / "run", Shapes(80, images=2))
    built = build_gallery(tmp_path / "run" / "gallery", [side])
    browser.open(built.index)
    ids = browser.evaluate(f"{CARDS}.map((card) => card.dataset.id)")
    browser.evaluate(f"{CARDS}[119].querySelector('a.open').click()")
    assert ids[119] in _told(browser)
    assert browser.evaluate("document.querySelector('#place').textContent") == "120 of 160"
    browser.evaluate("document.querySelector('#next').click()")
    browser.wait("document.querySelector('#place').textContent === '121 of 160'")
    assert ids[119] not in _told(browser)
    browser.evaluate("document.querySelector('#previous').click()")
    browser.wait("document.querySelector('#place').textContent === '120 of 160'")
    assert ids[119] in _told(browser)
    assert browser.complaints == []


def test_back_closes_the_large_view_and_forward_opens_it(browser: Browser, tmp_path: Path) -> None:
    side = shapes_side(tmp_path / "run", Shapes(80, images=2))
    built = build_gallery(tmp_path / "run" / "gallery", [side])
    browser.open(built.index)
    ids = browser.evaluate(f"{CARDS}.map((card) => card.dataset.id)")
    opened, shut = (f"{sign}document.querySelector('#large').open" for sign in ("", "!"))
    steps = browser.evaluate("history.length")
    browser.evaluate(f"{CARDS}[117].querySelector('a.open').click()")
    for place in (119, 120, 121):
        browser.press("ArrowRight")
        browser.wait(f"document.querySelector('#place').textContent === '{place} of 160'")
    assert browser.evaluate("history.length") == steps + 1
    last = browser.evaluate("document.querySelector('#large').dataset.id")
    assert last not in ids
    for _ in range(2):
        browser.evaluate("history.back()")
        browser.wait(f"{shut} && {FOCUS} === '{last}'")
        assert browser.evaluate("location.hash") == "#page=2"
        browser.evaluate("history.forward()")
        browser.wait(f"{opened} && document.querySelector('#place').textContent === '121 of 160'")
    # Closed in another way, it is a step back too.
    browser.press("Escape")
    browser.wait(f"{shut} && location.hash === '#page=2' && {FOCUS} === '{last}'")
    browser.press("Enter")
    browser.wait(opened)
    assert browser.evaluate("history.length") == steps + 1
    browser.evaluate("document.querySelector('#close').click()")
    browser.wait(f"{shut} && location.hash === '#page=2'")
    _choose(browser, "task", "left")
    assert browser.evaluate("location.hash") == "#task=left"
    browser.evaluate("location.hash = '#task=above'")
    browser.wait("document.querySelector('#task').value === 'above'")
    assert browser.complaints == []


def test_an_image_has_a_link_its_seed_and_its_original(browser: Browser, tmp_path: Path) -> None:
    side = shapes_side(tmp_path / "run", Shapes(80, images=2))
    built = build_gallery(tmp_path / "run" / "gallery", [side])
    ((prompt, k), record) = list(side.images.items())[-1]
    browser.open(built.index, f"#image={prompt}%2F{k}")
    browser.wait("document.querySelector('#large').open")
    assert f"{prompt}/{k}" in _told(browser)
    assert f"seed {record.seed}" in _told(browser)
    links = "[...document.querySelectorAll('#large .made a')].map((link) => link.href)"
    original, own = browser.evaluate(links)
    assert original == side.scored.run.directory.image_path(prompt, k).resolve().as_uri()
    browser.evaluate("document.querySelector('#close').click()")
    browser.wait("!location.hash.includes('image=')")
    browser.open(built.index, own[own.index("#") :])
    browser.wait("document.querySelector('#large').open")
    assert f"{prompt}/{k}" in _told(browser)
    browser.open(built.index, "#image=nothing/0")
    assert not browser.evaluate("document.querySelector('#large').open")
    assert browser.complaints == []


def test_boxes_that_nobody_asked_for_wait(browser: Browser, tmp_path: Path) -> None:
    side = shapes_side(tmp_path / "run", Shapes(12))
    key, found = next((k, f) for k, f in side.detections.items() if f.labels)
    labels = ["sun", *found.labels[1:]]
    other = replace(found, content={**found.content, "labels": labels})
    seen = {**side.detections, key: other}
    built = build_gallery(tmp_path / "run" / "gallery", [replace(side, detections=seen)])
    browser.open(built.index)
    shown = "[...document.querySelectorAll('.box.other')].map((b) => getComputedStyle(b).display)"
    assert set(browser.evaluate(shown)) == {"none"}
    browser.press("u")
    assert set(browser.evaluate(shown)) == {"block"}
    assert browser.evaluate("document.querySelector('#unasked').ariaPressed") == "true"


def test_tabs_by_keyboard(browser: Browser, tmp_path: Path) -> None:
    side = shapes_side(tmp_path / "run", Shapes(4))
    built = build_gallery(tmp_path / "run" / "gallery", [side])
    browser.open(built.index)
    browser.evaluate("document.querySelector('#tab-images').focus()")
    visible = "[...document.querySelectorAll('[role=tabpanel]')].filter((p) => !p.hidden)"
    for name in ("numbers", "charts", "about", "images"):
        browser.press("ArrowRight")
        assert browser.evaluate(f"{visible}.map((panel) => panel.id)") == [name]
        assert browser.evaluate("document.activeElement.id") == f"tab-{name}"
    browser.open(built.index, "#tab=about")
    assert browser.evaluate(f"{visible}.map((panel) => panel.id)") == ["about"]


@pytest.mark.parametrize("tab", ["images", "numbers", "charts", "about"])
def test_nobody_is_left_out(browser: Browser, tmp_path: Path, axe: str, tab: str) -> None:
    """axe-core finds nothing, at three widths, light and dark; and nothing is cut off."""
    side = shapes_side(tmp_path / "run", Shapes(4))
    built = build_gallery(tmp_path / "run" / "gallery", [side], sweeps=[sweep_of(side)])
    for dark in (False, True):
        browser.dark(dark)
        for width in (390, 768, 1400):
            browser.size(width)
            browser.open(built.index, f"#tab={tab}")
            assert browser.violations(axe) == []
            assert not browser.scrolls_sideways
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
        "[...document.querySelectorAll('#large .told-by p')]"
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


def test_the_enlarged_view_by_keys(browser: Browser, tmp_path: Path) -> None:
    """What is behind it stays as it is, and the focus comes back to the image seen last."""
    side = shapes_side(tmp_path / "run", Shapes(80, images=2))
    built = build_gallery(tmp_path / "run" / "gallery", [side])
    browser.open(built.index)
    ids = browser.evaluate(f"{CARDS}.map((card) => card.dataset.id)")
    browser.press("ArrowRight")
    browser.press("Enter")
    for key in ("n", "p", "c", "ArrowDown", "j"):
        browser.press(key)
    assert browser.evaluate("document.querySelector('#place').textContent") == "1 of 160"
    assert browser.evaluate("document.querySelector('#page').textContent") == "page 1 of 2"
    browser.press("ArrowRight")
    browser.press("l")
    assert ids[2] in _told(browser)
    browser.press("Escape")
    browser.wait("!document.querySelector('#large').open")
    browser.wait(f"{FOCUS} === '{ids[2]}'")
    browser.open(built.index, "#page=1.5&task=gone")
    assert browser.evaluate("document.querySelector('#page').textContent") == "page 1 of 2"
    assert browser.evaluate("document.querySelector('#task').selectedIndex") == 0
    assert browser.complaints == []
