"""Every kind of wrong file lands in its own list, and the good ones still match."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spatialbench.exchange.layouts import place
from spatialbench.exchange.matching import Matching, looked_at, match
from spatialbench.exchange.matching_report import matching_report
from spatialbench.exchange.sources import open_source
from spatialbench.files.images import UnreadableImage

from .folders import SHAPES, expected, image_bytes, names, write_folder


def _report(folder: Path, **selection: Any) -> Matching:
    source = open_source(folder)
    return match(source, place("visor", source, names()), expected(**selection))


def test_a_clean_folder(tmp_path: Path) -> None:
    report = _report(write_folder(tmp_path / "f", "visor"))
    assert report.clean
    assert len(report.matched) == 8


def test_every_kind_of_wrong_file(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f", "visor")
    (folder / "0_0.png").unlink()
    (folder / "0_1.png").write_bytes(b"")
    (folder / "1_0.png").write_bytes(image_bytes(9)[:100])
    (folder / "1_7.png").write_bytes(image_bytes(9))
    (folder / "more").mkdir()
    (folder / "more" / "2_0.jpg").write_bytes(image_bytes(9, "JPEG"))
    (folder / "3_0.webp").write_bytes(image_bytes(9, "WEBP"))
    (folder / "readme.txt").write_text("hello")
    (folder / "readme.png").write_bytes(image_bytes(9))
    (folder / ".hidden").write_text("")
    told: list[int] = []
    source = open_source(folder)
    report = match(source, place("visor", source, names()), expected(), told.append)
    assert sum(told) == 9, "every file but the misnamed one"
    assert not report.clean
    assert report.missing == [("0", 0)]
    assert set(report.unreadable) == {"0_1.png", "1_0.png"}
    assert report.unreadable["0_1.png"] == "the file is empty"
    assert report.extra == {"1_7.png": "prompt 1 has only images 0 to 1"}
    assert set(report.duplicate) == {"2_0.png", "more/2_0.jpg"}
    assert set(report.misnamed) == {"readme.png"}
    assert report.passed_over == {
        "readme.txt": "no image",
        ".hidden": "hidden",
        "3_0.webp": "beside the PNG file of the same name, which is taken",
    }
    assert report.hidden == 1
    assert set(report.matched) == {("1", 1), ("2", 1), ("3", 0), ("3", 1)}
    text = matching_report(report, 8).text("table")
    for said in ("4 of 8 expected", "0/0", "the file is empty", "same image as 2_0.png"):
        assert said in text


def test_a_limit_makes_the_rest_extra(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f", "visor")
    chosen = {prompt.id for prompt in expected(limit=2).prompts}
    report = _report(folder, limit=2)
    assert {prompt_id for prompt_id, _ in report.matched} == chosen
    assert len(report.extra) == 4
    assert "is not among the selected ones" in next(iter(report.extra.values()))


def test_the_content_hash_is_of_what_matched(tmp_path: Path) -> None:
    one = _report(write_folder(tmp_path / "a", "visor")).content
    folder = write_folder(tmp_path / "b", "visor")
    (folder / "readme.txt").write_text("hello")
    assert _report(folder).content == one
    (folder / "0_0.png").write_bytes(image_bytes(99))
    assert _report(folder).content != one


def test_what_counts_as_an_image() -> None:
    for form in ("PNG", "JPEG", "WEBP"):
        assert looked_at("a", image_bytes(1, form)).name == "a"
    with pytest.raises(UnreadableImage, match=r"^no whole PNG or JPEG or WEBP$"):
        looked_at("a", image_bytes(1, "GIF"))
    assert len(SHAPES.prompts("all")) == 4
