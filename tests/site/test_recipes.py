"""Pages of papers' tables made again, from what ``reproduce --format json`` prints."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from spatialbench.errors import UserError
from spatialbench.site.recipes import RecipeResult
from spatialbench.site.writing import SiteWishes

from ..reports.gallery.browser import Browser
from .conftest import site
from .test_build import HOSTILE, Page

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "reproduce.schema.json"


def _value(published: float | None, measured: float | None, verdict: str | None) -> dict[str, Any]:
    difference = None
    if published is not None and measured is not None and verdict:
        difference = measured - published
    return {
        "published": published,
        "published_interval": None,
        "rounding": 0.005,
        "measured": measured,
        "interval": None if measured is None else [measured - 2, measured + 2],
        "each": [] if measured is None else [measured],
        "spread": None,
        "undefined": None,
        "difference": difference,
        "difference_interval": [-1.0, 2.0] if verdict else None,
        "verdict": verdict,
    }


def _row(name: str, folder: str | None, value: dict[str, Any], **changes: Any) -> dict[str, Any]:
    run = {"folder": folder, "seeds": "protocol", "images": 8, "images_expected": 8}
    return {
        "name": name,
        "method": "painter",
        "paper_backbone": "easel",
        "backbone": "easel",
        "same_model": True,
        "cannot": None,
        "differs": [],
        "source": "a paper, table 1",
        "evidence": "P",
        "note": "",
        "marks": [],
        "prompts": 8,
        "paper_prompts": 48,
        "runs": [] if folder is None else [{**run, "signature": "squares/1"}],
        "metrics": {"RIGHT": value},
        **changes,
    }


@pytest.fixture
def document(runs: Path) -> dict[str, Any]:
    """Three rows, one of which nobody can make, with names that are HTML, and two claims."""
    claim = {"metric": "RIGHT", "stated": True, "p": 0.01, "images": 8, "published": 40.0}
    found = {
        "recipe": "a-paper/table-1",
        "title": f"Table 1 {HOSTILE}",
        "source": "a paper",
        "benchmark": "squares",
        "backbone": None,
        "margin": 3.0,
        "differs": ["fewer prompts"],
        "rows": [
            _row(HOSTILE, str(runs / "good"), _value(88.0, 87.5, "agrees"), marks=["inconsistent"]),
            _row("bad", str(runs / "bad"), _value(48.0, 25.0, "differs"), differs=["8 prompts"]),
            _row("lost", None, _value(50.0, None, None), cannot="its weights were never released"),
        ],
        "claims": [
            {
                **claim,
                "better": HOSTILE,
                "worse": "bad",
                "measured": 60.0,
                "interval": [30.0, 80.0],
                "verdict": "holds",
                "why": None,
            },
            {
                **claim,
                "better": HOSTILE,
                "worse": "lost",
                "measured": None,
                "interval": None,
                "verdict": None,
                "why": "lost could not be made",
            },
        ],
        "left_out": [],
    }
    jsonschema.validate(found, json.loads(SCHEMA.read_text()))
    return found


def _built(runs: Path, tmp_path: Path, document: Any) -> Path:
    (tmp_path / "result.json").write_text(json.dumps(document))
    site(runs, tmp_path / "out", SiteWishes(recipes=[tmp_path / "result.json"]))
    return tmp_path / "out" / "recipes" / "a-paper-table-1.html"


def test_published_beside_measured(runs: Path, tmp_path: Path, document: dict[str, Any]) -> None:
    page = Page(_built(runs, tmp_path, document))
    text = re.sub(r"\s+", " ", page.text)
    for told in (
        *(HOSTILE, "88.00", "87.50 ± 2.0", "agrees", "25.00 ± 2.0", "differs", "+60.00 [+30.00"),
        *("cannot be made: its weights were never released", "not tested", "holds"),
        *("lost could not be made", "fewer prompts", "8 prompts", "[!]"),
    ):
        assert told in text
    assert not [own for tag, own in page.tags if tag == "img" or "onerror" in own]
    here = tmp_path / "out" / "recipes"
    links = [place for place in page.links() if place != "data:,"]
    assert all((here / place).is_file() for place in links)
    assert len([place for place in links if "/runs/" in place]) == 2
    # A recipe of one's own: its file is not in the result, so there is no command to print.
    assert "a paper · recipe a-paper/table-1" in text
    assert "spatialbench reproduce" not in text
    index = Page(tmp_path / "out" / "index.html")
    assert "claims: 1 holds, 1 not tested; values: 1 agrees, 1 differs" in index.text
    assert "recipes/a-paper-table-1.html" in index.links()


def test_a_lab_result_says_that_values_say_nothing(
    runs: Path, tmp_path: Path, document: dict[str, Any]
) -> None:
    document["backbone"] = "lab"
    for row in document["rows"]:
        row["same_model"] = False
        for value in row["metrics"].values():
            value["verdict"] = value["difference"] = value["difference_interval"] = None
    text = Page(_built(runs, tmp_path, document)).text
    assert "its values say nothing about the paper's" in text
    assert "other model" in text
    shipped = RecipeResult.model_validate({**document, "recipe": "spright/visor"})
    assert shipped.command == "spatialbench reproduce spright/visor --backbone lab"


@pytest.mark.parametrize("content", ["{", "[]", '{"recipe": 1}', None])
def test_another_file(runs: Path, tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "result.json").write_text(content)
    with pytest.raises(UserError, match="spatialbench reproduce NAME --format json"):
        site(runs, tmp_path / "out", SiteWishes(recipes=[tmp_path / "result.json"]))
    assert not (tmp_path / "out").exists()


def test_nobody_is_left_out(
    browser: Browser, runs: Path, tmp_path: Path, document: dict[str, Any], axe: str
) -> None:
    page = _built(runs, tmp_path, document)
    for dark in (False, True):
        browser.dark(dark)
        for width in (390, 768, 1400):
            browser.size(width)
            browser.open(page)
            assert browser.violations(axe) == []
            assert not browser.scrolls_sideways
    assert browser.complaints == []
