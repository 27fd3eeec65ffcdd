"""Charts as files: plain colours that any program knows, and PDF and PNG from the same SVG."""

from __future__ import annotations

import io
import re
import sys
from xml.etree import ElementTree

import pytest
from PIL import Image

from spatialbench.errors import UserError
from spatialbench.reports.charts.as_files import converted, require_forms, standalone
from spatialbench.reports.charts.bars import bars
from spatialbench.reports.charts.forest import forest
from spatialbench.reports.charts.heatmap import PairMap, heatmap

SHARES = {(0, 0): 0.0, (0, 1): 0.5, (1, 0): 1.0}
MAP = PairMap(("cat", "dog"), SHARES, dict.fromkeys(SHARES, 4))


def test_a_file_has_plain_colours() -> None:
    for svg in (heatmap(MAP), bars("OA", [("a", {"all": (50.0, 40.0, 60.0)})])):
        plain = standalone(svg)
        assert "var(" in svg
        assert "var(" not in plain
        assert "color-mix" not in plain
        colours = re.findall(r'(?:fill|stroke)="([^"]+)"', plain)
        assert all(re.fullmatch(r"#[0-9a-f]{6}|none", colour) for colour in colours)
        first = next(iter(ElementTree.fromstring(plain)))
        assert first.attrib["fill"] == "#ffffff"


def test_pdf_and_png() -> None:
    pytest.importorskip("vl_convert")
    svg = forest("OA", [("a <b>", (50.0, 40.0, 60.0), "50.00 ± 10.0")], "squares")
    assert converted(svg, "pdf").startswith(b"%PDF-")
    with Image.open(io.BytesIO(converted(svg, "png"))) as image:
        size = re.search(r'viewBox="0 0 (\S+) (\S+)"', svg)
        assert size is not None
        assert image.size == (3 * round(float(size[1])), 3 * round(float(size[2])))
        assert image.convert("RGB").getpixel((1, 1)) == (255, 255, 255)
        assert len(set(image.convert("L").tobytes())) > 20


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    require_forms([])
    with pytest.raises(UserError, match=r"pip install 'spatialbench\[figures\]'"):
        require_forms(["pdf"])
