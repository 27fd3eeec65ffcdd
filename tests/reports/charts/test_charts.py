"""What the charts show: one scale for percent, a colour of its own for zero, bands, contrast."""

from __future__ import annotations

import re
from math import nan
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.cells import cell_len

from spatialbench.reports import gallery
from spatialbench.reports.charts.as_files import standalone
from spatialbench.reports.charts.bars import bars
from spatialbench.reports.charts.forest import forest
from spatialbench.reports.charts.heatmap import PairMap, heatmap
from spatialbench.reports.charts.scale import PERCENT, percent_span
from spatialbench.reports.charts.svg import PAGE, SERIES, ZERO
from spatialbench.reports.charts.sweep import Sweep, sweep_chart

CSS = (Path(gallery.__file__).parent / "data" / "page.css").read_text()
SVG = "{http://www.w3.org/2000/svg}"


def _texts(svg: str) -> list[str]:
    return [text.text or "" for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_percent_has_one_scale() -> None:
    assert percent_span([0.3, nan, 2.0]) == percent_span([99.0]) == percent_span([]) == PERCENT
    assert percent_span([130.0]) == (0.0, 200.0)
    assert percent_span([-3.0, 12.0]) == (-5.0, 20.0)
    for value in (0.4, 40.0):
        chart = bars("OA", [("a", {"all": (value, nan, nan)})])
        assert [t for t in _texts(chart) if re.fullmatch(r"\d+", t)] == [
            "0",
            "25",
            "50",
            "75",
            "100",
        ]
        assert f"{value:.1f}" in _texts(chart)
        assert "OA in percent, with 95 % interval" in _texts(chart)


def test_a_bar_is_as_long_as_its_value() -> None:
    chart = ElementTree.fromstring(
        bars("OA", [("a", {"x": (25.0, nan, nan), "y": (50.0, nan, nan)})])
    )
    wide = [float(rect.attrib["width"]) for rect in chart.iter(f"{SVG}rect")]
    assert wide[1] == pytest.approx(2 * wide[0], rel=1e-3)


def test_forest_points_lie_where_the_scale_says() -> None:
    rows = [
        ("a", (0.0, 0.0, 10.0), "0.00"),
        ("b", (50.0, nan, nan), "50.00"),
        ("c", (100.0, nan, nan), ""),
    ]
    chart = ElementTree.fromstring(forest("OA", rows, "squares"))
    low, middle, high = (float(dot.attrib["cx"]) for dot in chart.iter(f"{SVG}circle"))
    assert middle == pytest.approx((low + high) / 2, abs=0.01)


def test_what_was_published_is_hollow_and_has_its_value() -> None:
    rows = [("ours", (50.0, 40.0, 60.0), "50.00 ± 10.0"), ("theirs", (nan, nan, nan), "70.00")]
    chart = forest("OA", rows, "squares", [nan, 70.0])
    ours, theirs = ElementTree.fromstring(chart).iter(f"{SVG}circle")
    assert (ours.attrib["fill"], theirs.attrib["fill"]) == (SERIES[0], PAGE)
    assert float(theirs.attrib["cx"]) > float(ours.attrib["cx"])
    assert {"70.00", "OA in percent, with 95 % interval; hollow: published"} <= set(_texts(chart))
    assert "hollow" not in forest("OA", rows[:1], "squares", [nan])


@pytest.mark.parametrize("name", ["方" * 50, "W" * 300, "🦊" * 40, "a\x1b[31m\u202e<b>&"])
def test_a_name_of_any_letters_stays_in_the_picture(name: str) -> None:
    """Wide letters take two places; what an XML reader refuses is escaped."""
    pairs = PairMap((name, "dog"), {(0, 1): 0.5}, {(0, 1): 4})
    point = (50.0, 40.0, 60.0)
    for chart, size in (
        (forest("OA", [(name, point, "50.00 ± 10.0")], name), 11),
        (bars("OA", [("a", {name: point})]), 11),
        (heatmap(pairs), 11),
    ):
        image = ElementTree.fromstring(standalone(chart))
        right = float(image.attrib["viewBox"].split()[2])
        for words in image.iter(f"{SVG}text"):
            if "transform" in words.attrib or not words.text:
                continue
            letter = 0.94 if "W" in words.text else 0.53 * cell_len(words.text[0])
            wide = letter * float(words.attrib.get("font-size", size)) * len(words.text)
            x, anchor = float(words.attrib["x"]), words.attrib["text-anchor"]
            left = x - {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor] * wide
            assert left >= -1, words.text
            assert left + wide <= right + 1, words.text


@pytest.mark.parametrize("signed", [False, True])
def test_only_zero_has_the_colour_of_zero(signed: bool) -> None:
    share = {(0, 0): 0.0, (0, 1): 0.001, (1, 0): -0.001 if signed else 0.04, (1, 1): 1.0}
    drawn = heatmap(PairMap(("cat", "dog"), share, dict.fromkeys(share, 9), signed))
    cells = re.search(r'<g [^>]*class="cells">(.*?)</g>', drawn)
    assert cells is not None
    by_colour = {
        fill: d.count("M") for d, fill in re.findall(r'<path d="([^"]+)" fill="([^"]+)"', cells[1])
    }
    assert by_colour[ZERO] == 1
    assert sum(by_colour.values()) == 4
    assert "no image" in _texts(drawn)
    assert "first-named object" in _texts(drawn)


def test_a_band_holds_its_line() -> None:
    swept = Sweep(
        (0.1, 0.5, 0.9), {"OA": (90.0, 50.0, nan)}, 8, {"OA": ((80, 95), (40, 60), (nan, nan))}
    )
    chart = ElementTree.fromstring(sweep_chart(swept, 0.1, "by threshold"))
    (band,), (line,) = chart.iter(f"{SVG}polygon"), chart.iter(f"{SVG}polyline")
    around = [tuple(map(float, point.split(","))) for point in band.attrib["points"].split()]
    inside = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
    assert len(around) == 4
    for (x, y), (up, low) in zip(inside, ((0, 3), (1, 2)), strict=True):
        assert around[up][0] == around[low][0] == x
        assert around[up][1] < y < around[low][1]


def _colours(dark: bool) -> dict[str, str]:
    """The colours by name; those of dark pages stand twice, for the system's and for one's own."""
    blocks = re.findall(r"\{([^{}]*--page: [^{}]*)\}", CSS)
    light, by_system, by_hand = (dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", b)) for b in blocks)
    assert by_system == by_hand
    return {**light, **by_hand} if dark else light


def _contrast(one: str, other: str) -> float:
    def light(colour: str) -> float:
        parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_colours_pass_wcag_aa(dark: bool) -> None:
    """4.5:1 for words, 3:1 for what is drawn."""
    colour = _colours(dark)
    for words in ("ink", "faint", "focus"):
        for ground in ("page", "card", "soft"):
            assert _contrast(colour[words], colour[ground]) >= 4.5, (words, ground)
    assert _contrast(colour["ink"], colour["cell"]) >= 4.5
    for ground in ("right", "wrong", "missing", "s1", "s2"):
        assert _contrast(colour["on"], colour[ground]) >= 4.5, ground
    for drawn in ("s1", "s2", "s3", "s4", "s5", "right", "wrong"):
        assert _contrast(colour[drawn], colour["card"]) >= 3, drawn


def test_files_have_the_colours_of_light_pages() -> None:
    colour = _colours(False)
    chart = standalone(bars("OA", [("a", {"all": (50.0, 40.0, 60.0)})]))
    found = set(re.findall(r"#[0-9a-f]{6}", chart))
    assert found <= set(colour.values())
