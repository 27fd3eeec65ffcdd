"""Lists of images: whatever an entry says wrong is said of the entry, and the others are taken."""

from __future__ import annotations

import json
import os
import struct
import zipfile
from pathlib import Path

import pytest

from spatialbench.errors import UserError
from spatialbench.exchange.layouts import place, texts_of
from spatialbench.exchange.matching import match
from spatialbench.exchange.matching_report import matching_report
from spatialbench.exchange.opened import opened_source
from spatialbench.plugins.layout import Extra, PassedOver

from .folders import SHAPES, expected, image_bytes, names, put, write_folder

TEXTS = [prompt.text for prompt in SHAPES.prompts("all")]


def lines(*entries: tuple[str, str]) -> str:
    records = ({"id": n, "prompt": p, "image_path": path} for n, (p, path) in enumerate(entries))
    return "".join(json.dumps(record) + "\n" for record in records)


def written(folder: Path, listed: str, name: str = "prompts.jsonl") -> Path:
    images = {f"img/{n}.png": image_bytes(n) for n in range(4)}
    return put(folder, {**images, name: listed})


@pytest.mark.parametrize("given", ["folder", "list", "zip"])
def test_the_order_in_the_list_is_the_index(tmp_path: Path, given: str) -> None:
    told = lines((TEXTS[1], "img/3.png"), (TEXTS[0], "img/0.png"), (TEXTS[1], "img/1.png"))
    folder = written(tmp_path / "f", told)
    path = {"folder": folder, "list": folder / "prompts.jsonl", "zip": tmp_path / "f.zip"}[given]
    if given == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in folder.rglob("*.*"):
                archive.write(file, file.relative_to(folder))
    source = opened_source(path, "evalscope")
    placed = place("evalscope", source, names())
    right = {"img/3.png": ("1", 0), "img/0.png": ("0", 0), "img/1.png": ("1", 1)}
    assert {name: where for name, where in placed.items() if isinstance(where, tuple)} == right
    texts = texts_of(source, names())
    assert (texts["img/3.png"], texts["img/0.png"]) == (TEXTS[1], TEXTS[0])
    if given != "list":
        assert placed["img/2.png"] == PassedOver("prompts.jsonl does not name it")


@pytest.mark.parametrize("how", ["absolute", "working folder"])
def test_paths_as_tools_write_them(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = str(tmp_path / "f/img/0.png") if how == "absolute" else "f/img/0.png"
    folder = written(tmp_path / "f", lines((TEXTS[0], path)))
    for given in (folder, folder / "prompts.jsonl"):
        placed = place("evalscope", opened_source(given, "evalscope"), names())
        assert placed["img/0.png"] == ("0", 0)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ((TEXTS[0], "img/9.png"), "'img/9.png' is not there"),
        ((TEXTS[0], "../outside.png"), "leads out of the folder"),
        ((TEXTS[0], "/etc/hostname"), "leads out of the folder"),
        ((TEXTS[0], "img/../../f.png"), "leads out of the folder"),
        ((TEXTS[0], ""), "leads out of the folder"),
        ((TEXTS[2], "img/1.png"), "it names img/1.png, which line 1 (0) names already"),
    ],
)
def test_wrong_entries(tmp_path: Path, entry: tuple[str, str], said: str) -> None:
    folder = written(tmp_path / "f", lines((TEXTS[1], "img/1.png"), entry))
    placed = place("evalscope", opened_source(folder, None), names())
    assert placed["img/1.png"] == ("1", 0)
    assert said in str(placed["line 2 (1)"])


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(image_bytes(9))
    folder = written(tmp_path / "f", lines((TEXTS[0], "img/link.png")))
    os.symlink(tmp_path / "secret.png", folder / "img" / "link.png")
    source = opened_source(folder / "prompts.jsonl", "evalscope")
    assert "is not there" in str(place("evalscope", source, names())["line 1 (0)"])


def test_lines_that_are_no_entries(tmp_path: Path) -> None:
    told = lines((TEXTS[0], "img/0.png")) + '{"prompt": 1, "image_path": "x"}\n{\n{"id": 7}\n'
    placed = place("evalscope", opened_source(written(tmp_path / "f", told), None), names())
    assert placed["img/0.png"] == ("0", 0)
    assert placed["line 2"] == "it is no object of texts"
    assert "it is no JSON" in str(placed["line 3"])
    assert "it has no 'prompt'" in str(placed["line 4 (7)"])


def test_two_lists_are_one_too_many(tmp_path: Path) -> None:
    folder = written(tmp_path / "f", lines((TEXTS[0], "img/0.png")))
    put(folder, {"again.jsonl": lines((TEXTS[0], "img/1.png"))})
    with pytest.raises(UserError, match=r"several lists of images \(again.jsonl, prompts.jsonl\)"):
        place("evalscope", opened_source(folder, None), names())
    placed = place("evalscope", opened_source(folder / "again.jsonl", "evalscope"), names())
    assert placed["img/1.png"] == ("0", 0)  # What it says to do.


def test_prompts_with_their_paths(tmp_path: Path) -> None:
    told = {TEXTS[0]: "img/0.png", TEXTS[2]: ["img/1.png", "img/2.png"], "another": "img/3.png"}
    folder = written(tmp_path / "f", json.dumps(told), "image_paths.json")
    placed = place("geneval2", opened_source(folder / "image_paths.json", None), names())
    assert placed == {
        "img/0.png": ("0", 0),
        "img/1.png": ("2", 0),
        "img/2.png": ("2", 1),
        "another": Extra("the benchmark has no prompt 'another'"),
    }


@pytest.mark.parametrize("key", ["", ".", "..", "/", "a/b.png"])
def test_prompts_that_look_like_paths(tmp_path: Path, key: str) -> None:
    told = json.dumps({TEXTS[0]: "img/0.png", key: "img/1.png"})
    source = opened_source(written(tmp_path / "f", told, "image_paths.json"), None)
    report = match(source, place("geneval2", source, names()), expected())
    assert set(report.extra) == {key}
    assert set(report.problems) == {key}
    assert "1 of 8 expected" in matching_report(report, 8).text("table")


def test_a_prompt_twice_has_two_images(tmp_path: Path) -> None:
    """Python would keep the last of two equal keys without a word."""
    told = f'{{{json.dumps(TEXTS[0])}: "img/0.png", {json.dumps(TEXTS[0])}: "img/1.png"}}'
    folder = written(tmp_path / "f", told, "image_paths.json")
    placed = place("geneval2", opened_source(folder, None), names())
    assert (placed["img/0.png"], placed["img/1.png"]) == (("0", 0), ("0", 1))


# Two candidates, and images that are too large to open


def test_two_candidates_for_one_image_are_both_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f", "visor")
    (folder / "again").mkdir()
    (folder / "again" / "2_1.png").write_bytes(image_bytes(50))
    (folder / "3_0.jpg").write_bytes(image_bytes(51, "JPEG"))
    (folder / "3_1.png").unlink()
    (folder / "3_1.jpg").write_bytes(image_bytes(52, "JPEG"))
    (folder / "3_1.webp").write_bytes(image_bytes(53, "WEBP"))
    source = opened_source(folder, None)
    report = match(source, place("id", source, names()), expected())
    assert set(report.duplicate) == {"2_1.png", "again/2_1.png", "3_1.jpg", "3_1.webp"}
    assert report.matched["3", 0].name == "3_0.png"
    assert report.passed_over == {"3_0.jpg": "beside the PNG file of the same name, which is taken"}
    assert not report.clean


def bomb() -> bytes:
    """A JPEG of a few hundred bytes whose header says 65,500 x 65,500 pixels."""
    content = bytearray(image_bytes(1, "JPEG"))
    start = content.index(b"\xff\xc0")
    content[start + 5 : start + 9] = struct.pack(">HH", 65500, 65500)
    return bytes(content)


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f", "visor")
    (folder / "1_0.png").unlink()
    (folder / "1_0.jpg").write_bytes(bomb())
    (folder / "2_0.jpg").write_bytes(bomb())  # Passed over, so never opened.
    source = opened_source(folder, None)
    report = match(source, place("id", source, names()), expected())
    assert "67,108,864 pixels are read" in report.unreadable["1_0.jpg"]
    assert len(report.matched) == 7
    assert set(report.passed_over) == {"2_0.jpg"}
