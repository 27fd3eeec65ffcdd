"""Every layout finds every image, and nothing is guessed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spatialbench.errors import UserError
from spatialbench.exchange.layouts import place
from spatialbench.exchange.sources import open_source

from .folders import LAYOUTS, SHAPES, image_bytes, names, official_name, write_folder


@pytest.mark.parametrize("layout", LAYOUTS)
def test_all_images_are_placed(tmp_path: Path, layout: str) -> None:
    folder = write_folder(tmp_path / "f", layout)
    placed = place(layout, open_source(folder), names())
    assert placed == {
        official_name(layout, prompt, index): (prompt.id, index)
        for prompt in SHAPES.prompts("all")
        for index in (0, 1)
    }


@pytest.mark.parametrize(
    ("layout", "name", "why"),
    [
        ("visor", "image.png", "expected <prompt id>_<k>.png"),
        ("visor", "1_x.png", "expected <prompt id>_<k>.png"),
        ("visor", "99_0.png", "no prompt 99"),
        ("visor", "1_0.gif", "not an image that is read"),
        ("t2i-compbench", "samples/a dog.png", "6 digits"),
        ("t2i-compbench", "samples/a dog_000001.png", "no prompt 'a dog'"),
        ("t2i-compbench", "samples/a circle left of a square, number 0_000007.png", "to 000001"),
        ("geneval", "00000/0000.png", "samples/<digits>.png"),
        ("geneval", "00009/samples/0000.png", "metadata.jsonl is missing"),
        ("flat+csv", "new.png", "images.csv does not name it"),
    ],
)
def test_names_that_say_nothing(tmp_path: Path, layout: str, name: str, why: str) -> None:
    folder = write_folder(tmp_path / "f", layout)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(image_bytes(1))
    found = place(layout, open_source(folder), names())[name]
    assert isinstance(found, str)
    assert why in found


def test_genevals_folders_go_by_what_they_say(tmp_path: Path) -> None:
    """Folders swapped with their metadata stay right; a foreign or broken prompt is said."""
    folder = write_folder(tmp_path / "f", "geneval")
    (folder / "00000").rename(folder / "x")
    (folder / "00001").rename(folder / "00000")
    (folder / "00002" / "metadata.jsonl").write_text(json.dumps({"prompt": "a photo of a dog"}))
    (folder / "00003" / "metadata.jsonl").write_text("{")
    placed = place("geneval", open_source(folder), names())
    assert placed["x/samples/0000.png"] == ("0", 0)
    assert placed["00000/samples/0001.png"] == ("1", 1)
    assert placed["00002/samples/0000.png"] == "the benchmark has no prompt 'a photo of a dog'"
    assert "metadata.jsonl is no JSON" in str(placed["00003/samples/0000.png"])


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (None, "has no images.csv"),
        ("file,prompt\na0.png,0\n", "has the columns 'file', 'prompt';"),
        ("file,prompt_id,index\n../a0.png,0,0\n", "leads out of it"),
        ("file,prompt_id,index\na0.png,0,0\na0.png,0,1\n", "twice"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path: Path, table: str | None, said: str) -> None:
    folder = write_folder(tmp_path / "f", "flat+csv")
    (folder / "images.csv").unlink()
    if table is not None:
        (folder / "images.csv").write_text(table)
    with pytest.raises(UserError, match=said):
        place("flat+csv", open_source(folder), names())


def test_lines_of_a_table_that_fit_nothing(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f", "flat+csv")
    lines = ["file,prompt_id,index", "a0.png,99,0", "a1.png,0,first", "gone.png,0,1"]
    (folder / "images.csv").write_text("\n".join(lines))
    placed = place("flat+csv", open_source(folder), names())
    assert placed["a0.png"] == "the benchmark has no prompt 99"
    assert "not a whole number" in str(placed["a1.png"])
    assert "it is not there" in str(placed["gone.png"])


def test_an_unknown_layout(tmp_path: Path) -> None:
    source = open_source(write_folder(tmp_path / "f", "visor"))
    with pytest.raises(UserError, match="did you mean geneval"):
        place("genval", source, names())
