"""The gallery's files hold every image once, and nothing of a run becomes markup."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from spatialbench.errors import UserError
from spatialbench.plugins import Metric
from spatialbench.prompts import Prompt
from spatialbench.reports.charts.heatmap import PairMap, heatmap
from spatialbench.reports.compare.comparison import compare
from spatialbench.reports.gallery import build, page
from spatialbench.reports.gallery.build import Wishes, build_gallery
from spatialbench.reports.gallery.charts import sweep_of
from spatialbench.reports.gallery.facets import Entry, facets
from spatialbench.reports.gallery.records import Side

from ...stages.fakes import Shapes
from ..scored_runs import scored_run
from .conftest import shapes_side

ACTIVE = '<img src=x onerror=alert(1)></script><script>alert("2")</script>'


class Active(Shapes):
    """A benchmark whose prompts, tasks and object names are HTML."""

    def __init__(self) -> None:
        super().__init__(6)
        self._prompts = [Prompt(str(i), ACTIVE, ACTIVE, None, (ACTIVE, "b")) for i in range(6)]


def _payload(path: Path) -> Any:
    text = path.read_text()
    start, end = min(text.find(c) for c in "[{" if c in text), text.rindex(")")
    return json.loads(text[start:end])


def test_every_image_is_one_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "_CHUNK", 7)
    side = shapes_side(tmp_path / "run", Shapes())
    built = build_gallery(tmp_path / "run" / "gallery", [side])
    data = built.index.parent / "data"
    table = _payload(data / "facets.js")
    records = [record for i in range(4) for record in _payload(data / f"{i}.js")]
    assert built.images == len(records) == len(table["v"]) == sum(table["n"]) == 24
    rows = {f"{p.id}/{k}": row for row, ((_, k), p, _) in enumerate(_rows(side))}
    assert {record["id"] for record in records} == set(rows)
    correct = side.scored.table.columns["correct"]
    for record, letter in zip(records, table["v"], strict=True):
        (shown,) = record["sides"]
        row = rows[record["id"]]
        assert shown["ok"] == correct[row] == (letter == "r")
        assert shown["why"] == side.scored.reasons[row]
        with Image.open(built.index.parent / shown["src"]) as image:
            assert image.size == (shown["w"], shown["h"])
        assert all(box[4] > 0.1 for box in shown["boxes"])
    assert not (built.index.parent / "data" / "4.js").exists()


def _rows(side: Side) -> list[Any]:
    from spatialbench.reports.gallery.records import table_keys

    return list(table_keys(side.scored.table))


def test_an_older_gallery_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    side = shapes_side(tmp_path / "run", Shapes(6))
    built = build_gallery(tmp_path / "out", [side])
    (tmp_path / "out" / "data" / "9.js").write_text("old")
    assert build_gallery(tmp_path / "out", [side]) == built
    assert not (tmp_path / "out" / "data" / "9.js").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("")
    with pytest.raises(UserError, match="holds files that are not a gallery's"):
        build_gallery(tmp_path / "mine", [side])


def test_a_copy_stands_alone(tmp_path: Path) -> None:
    side = shapes_side(tmp_path / "run", Shapes(4))
    built = build_gallery(tmp_path / "out", [side], wishes=Wishes(copy=True))
    for record in _payload(built.index.parent / "data" / "0.js"):
        source = record["sides"][0]["src"]
        assert not source.startswith((".", "/"))
        assert (built.index.parent / source).is_file()


def test_two_runs_and_their_flips(tmp_path: Path) -> None:
    a = Side.of(scored_run(tmp_path / "a", lambda p, k: k == 0))
    b = Side.of(scored_run(tmp_path / "b", lambda p, k: int(p.id) % 2 == 0, method="other"))
    (comparison,) = compare(a.scored, [b.scored])
    built = build_gallery(tmp_path / "out", [a, b], comparison)
    table = _payload(tmp_path / "out" / "data" / "facets.js")
    assert {letter: table["v"].count(letter) for letter in "gl"} == {"g": 30, "l": 30}
    for record, letter in zip(
        _payload(tmp_path / "out" / "data" / "0.js"), table["v"], strict=True
    ):
        before, after = (side["ok"] for side in record["sides"])
        assert letter == {(0, 1): "g", (1, 0): "l", (1, 1): "r", (0, 0): "w"}[before, after]
        assert record["sides"][0]["src"] is None
    assert built.images == 120


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_html_in_a_prompt_stays_text(tmp_path: Path) -> None:
    side = Side.of(scored_run(tmp_path / "run", lambda p, k: k == 0, benchmark=Active()))
    built = build_gallery(tmp_path / "out", [side])
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file() and path.name not in build.ASSETS:
            assert "<img src=x" not in path.read_text()
    parser = _Tags()
    parser.feed(built.index.read_text())
    scripts = [attributes for tag, attributes in parser.seen if tag == "script"]
    assert [script.get("src") for script in scripts] == [
        "page.js",
        None,
        "gallery.js",
        "data/facets.js",
    ]
    assert scripts[1]["type"] == "application/json"
    assert not [name for _, own in parser.seen for name in own if name.startswith("on")]


def test_what_turns_text_is_shown_as_its_number(tmp_path: Path) -> None:
    class Turned(Shapes):
        def __init__(self) -> None:
            super().__init__(4)
            self._prompts = [Prompt("0", "a\u202ecat", "left\u2066", None, ("dog\u200f", "b"))]

    side = Side.of(scored_run(tmp_path / "run", lambda p, k: True, benchmark=Turned()))
    built = build_gallery(tmp_path / "out", [side])
    (record, *_) = _payload(built.index.parent / "data" / "0.js")
    assert record["text"] == "a\\u202ecat"
    table = _payload(built.index.parent / "data" / "facets.js")
    assert table["objects"] == ["b", "dog\\u200f"]
    assert table["tasks"] == ["left\\u2066"]


def test_only_what_a_run_has_is_shown(tmp_path: Path) -> None:
    """A metric of another subset has no card, and the thresholds are those of the others."""

    class Several(Shapes):
        metrics = (
            *(Metric(f"other_{n}", "of another subset", lambda table: None) for n in range(4)),
            *Shapes.metrics,
        )

    side = shapes_side(tmp_path / "run", Several(4))
    swept = sweep_of(side)
    assert swept is not None
    assert list(swept.values) == ["right"]
    built = build_gallery(tmp_path / "run" / "gallery", [side], sweeps=[swept])
    text = built.index.read_text("utf-8")
    assert re.findall(r"<h2>(\w+) <span>%", text) == ["right"]


def test_nothing_is_fetched_from_elsewhere(tmp_path: Path) -> None:
    side = shapes_side(tmp_path / "run", Shapes(4))
    built = build_gallery(tmp_path / "run" / "gallery", [side], sweeps=[sweep_of(side)])
    parser = _Tags()
    parser.feed(built.index.read_text())
    places = [own.get(name) for _, own in parser.seen for name in ("src", "href") if name in own]
    assert places
    assert not [place for place in places if place and (":" in place and place != "data:,")]


def test_a_hundred_thousand_images_have_a_small_index(tmp_path: Path) -> None:
    """What a page loads before its first image: 25,000 prompts with two of 80 objects."""
    names = [f"object number {i}" for i in range(80)]
    prompts = [
        Prompt(str(i), "", ("left", "above")[i % 2], None, (names[i % 80], names[i // 80 % 80]))
        for i in range(25_000)
    ]
    entries = [
        Entry((prompt.id, k), prompt, "rwm"[k % 3], (0,)) for prompt in prompts for k in range(4)
    ]
    table = build.script(facets(entries, 200, False))
    share = {(row, column): 0.5 for row in range(80) for column in range(80)}
    pairs = PairMap(names, share, dict.fromkeys(share, 8))
    map_and_numbers = str(heatmap(pairs)) + build.script(page.cells_of(pairs))
    side = shapes_side(tmp_path / "run", Shapes(4))
    small = build_gallery(tmp_path / "out", [side])
    assert small.bytes + len(map_and_numbers) + len(table) < 1_000_000
