"""Tables of images as spreadsheets write them: read, or refused with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spatialbench.benchmarks.geneval import PLUGIN as GENEVAL
from spatialbench.errors import UserError
from spatialbench.exchange.layouts import place
from spatialbench.exchange.sources import open_source
from spatialbench.plugins.layout import Names

from .folders import image_bytes, names, put, write_folder


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", "utf-16"])
def test_spreadsheets_leave_marks_and_empty_rows(tmp_path: Path, mark: Any) -> None:
    folder = write_folder(tmp_path / "f", "flat+csv")
    table = (folder / "images.csv").read_text() + ",,\n,  ,\n\n"
    content = mark + table.encode() if isinstance(mark, bytes) else table.encode(mark)
    (folder / "images.csv").write_bytes(content)
    placed = place("flat+csv", open_source(folder), names())
    assert len(placed) == 8
    assert all(isinstance(where, tuple) for where in placed.values())


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("file,prompt_id,index\nsub\\img.png,0,0\n", r"line 2, .*backslash: write sub/img.png"),
        ("file, prompt_id, index\na0.png,0,0\n", "has the columns 'file', ' prompt_id', ' index'"),
        ("file;prompt_id;index\na0.png;0;0\n", "has the columns 'file;prompt_id;index'"),
        ("file,prompt_id,index\n,0,0\n", "line 2, names no file"),
    ],
)
def test_tables_are_refused_with_the_reason(tmp_path: Path, table: str, said: str) -> None:
    folder = put(write_folder(tmp_path / "f", "flat+csv"), {"images.csv": table})
    with pytest.raises(UserError, match=said):
        place("flat+csv", open_source(folder), names())


@pytest.mark.parametrize("layout", ["flat+csv", "visor"])
def test_lost_zeros_of_an_id_are_asked_after(tmp_path: Path, layout: str) -> None:
    files: dict[str, bytes | str] = {"355_0.png": image_bytes(1)}
    if layout == "flat+csv":
        files["images.csv"] = "file,prompt_id,index\n355_0.png,355,0\n"
    source = open_source(put(tmp_path / "f", files))
    placed = place(layout, source, Names(GENEVAL.prompts("all"), 4))
    assert placed["355_0.png"] == "the benchmark has no prompt 355: did you mean 00355?"


@pytest.mark.parametrize("spelt", ["{} ", " {}", "{}.0", "'{}", '="{}"', "00{}"])
def test_ids_as_spreadsheets_write_them_are_asked_after(spelt: str) -> None:
    given = spelt.format("3")
    said = names().unknown(given)
    assert said.endswith(": did you mean 3?")
    assert (repr(given) if given != given.strip() else given) in said


def test_ids_that_are_near_none() -> None:
    for given in ("3.5", "3e1", "x3", ""):
        assert names().unknown(given) == f"the benchmark has no prompt {given}"


@pytest.mark.parametrize("spelt", ["A.PNG", " a.png", "a.png ", "images/a.png"])
def test_files_of_a_table_under_another_name_are_asked_after(tmp_path: Path, spelt: str) -> None:
    table = f"file,prompt_id,index\n{spelt},1,0\nb.png,1,1\n"
    folder = put(tmp_path / "f", {"a.png": b"x", "images.csv": table})
    placed = place("flat+csv", open_source(folder), names())
    assert str(placed[spelt]).endswith("it is not there: did you mean 'a.png'?")
    assert str(placed["b.png"]).endswith("it is not there")


@pytest.mark.parametrize(
    ("given", "write"),
    [("C:\\pics\\a.png", "a.png"), ("\\\\server\\pics\\a.png", "a.png"), (".\\a.png", "a.png")],
)
def test_paths_of_windows(tmp_path: Path, given: str, write: str) -> None:
    table = f"file,prompt_id,index\n{given},1,0\n"
    folder = put(tmp_path / "f", {"a.png": b"x", "images.csv": table})
    with pytest.raises(UserError, match=f"with a backslash: write {write}\\.$"):
        place("flat+csv", open_source(folder), names())
