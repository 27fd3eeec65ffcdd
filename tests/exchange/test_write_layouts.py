"""What is exported is what the official repositories' descriptions say, and imports again."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from spatialbench.errors import UserError
from spatialbench.exchange.layouts import names_of, place, plan
from spatialbench.exchange.matching import match
from spatialbench.exchange.sources import open_source
from spatialbench.exchange.write_images import export_images
from spatialbench.exchange.write_results import export_detections, export_results
from spatialbench.executors.local import LocalExecutor
from spatialbench.plugins.layout import Names
from spatialbench.prompts import Prompt
from spatialbench.runs.opening import Run
from spatialbench.runs.progress import Silent
from spatialbench.stages.generate import generate
from spatialbench.stages.whole import run_all

from ..stages.fakes import Finder, Painter, Shapes, open_shapes, work
from .folders import LAYOUTS, names, official_name

SHAPES = Shapes(count=4, images=2)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    opened = open_shapes(tmp_path / "run", SHAPES)
    generate(opened, Painter(), 4, LocalExecutor(), Silent())
    return opened


@pytest.mark.parametrize("layout", [*LAYOUTS, "id", "evalscope", "geneval2"])
def test_images_come_back_whole(run: Run, tmp_path: Path, layout: str) -> None:
    out = tmp_path / "out"
    assert export_images(run, layout, out, Silent()) == 8
    source = open_source(out)
    report = match(source, place(layout, source, names(SHAPES)), run.expected)
    assert report.clean
    finished = run.directory.finished_images(print)
    assert {key: found.sha256 for key, found in report.matched.items()} == {
        key: image.sha256 for key, image in finished.items()
    }


@pytest.mark.parametrize("layout", ["evalscope", "geneval2"])
def test_what_a_list_would_say_wrong_is_refused(layout: str) -> None:
    """Where an image is missing the next would take its number; a text of two is nobody's."""
    with pytest.raises(UserError, match="image 0 of the prompt is not there"):
        plan(layout, names(SHAPES), [("1", 1)])
    twice = Names([Prompt("0", "a dog", "left"), Prompt("1", "a dog", "left")], 1)
    with pytest.raises(UserError, match="several prompts read 'a dog'"):
        plan(layout, twice, [("0", 0)])


def test_a_prompt_that_is_too_long_for_a_file_name_is_refused() -> None:
    """Cut names would be those of two prompts, which differ at their end only."""
    long = [Prompt(str(n), f"{'a very ' * 40}long prompt {n}", "left") for n in range(2)]
    with pytest.raises(UserError, match="too long for a file name of 255 bytes"):
        plan("t2i-compbench", Names(long, 1), [("0", 0)])
    for layout in ("id", "evalscope", "geneval2", "flat+csv"):  # What it says to use, and others.
        assert plan(layout, Names(long, 1), [("0", 0), ("1", 0)]).images


@pytest.mark.parametrize("layout", ["visor", "t2i-compbench"])
def test_official_names(run: Run, tmp_path: Path, layout: str) -> None:
    export_images(run, layout, tmp_path / "out", Silent())
    found = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.png")}
    assert found == {
        official_name(layout, prompt, k) for prompt in SHAPES.prompts("all") for k in (0, 1)
    }


def test_geneval_folders_have_their_metadata(run: Run, tmp_path: Path) -> None:
    export_images(run, "geneval", tmp_path / "out", Silent())
    for prompt in SHAPES.prompts("all"):
        folder = tmp_path / "out" / f"{int(prompt.id):05d}"
        metadata = json.loads((folder / "metadata.jsonl").read_text())
        assert (metadata["tag"], metadata["prompt"]) == (prompt.task, prompt.text)
        assert sorted(p.name for p in (folder / "samples").iterdir()) == ["00000.png", "00001.png"]


def test_an_official_line_is_taken_as_it_stands(run: Run) -> None:
    class Lines(Shapes):
        def official_prompts(self, subset: str) -> bytes:
            return b"\n".join(
                json.dumps({"prompt": p.text, "own": p.id}).encode() for p in self.prompts(subset)
            )

    opened = open_shapes(run.path, Lines(count=4, images=2))
    files = plan("geneval", names_of(opened.expected), [("2", 0)]).files
    assert [json.loads(content)["own"] for content in files.values()] == ["2"]


def test_the_table_of_a_flat_folder(run: Run, tmp_path: Path) -> None:
    export_images(run, "flat+csv", tmp_path / "out", Silent())
    with (tmp_path / "out" / "images.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    texts = {prompt.id: prompt.text for prompt in SHAPES.prompts("all")}
    assert len(rows) == 8
    assert all(row["prompt"] == texts[row["prompt_id"]] for row in rows)


def test_what_cannot_be_exported(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="belongs to the run"):
        export_images(run, "visor", run.path, Silent())
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    with pytest.raises(UserError, match="not an empty folder"):
        export_images(run, "visor", tmp_path / "mine", Silent())
    with pytest.raises(UserError, match=r"no detections .*by finder"):
        export_detections(run, "finder@w1", tmp_path / "d.jsonl")
    with pytest.raises(UserError, match="no results format of its own"):
        export_results(run, tmp_path / "r")
    empty = open_shapes(tmp_path / "empty", SHAPES)
    with pytest.raises(UserError, match="no finished image"):
        export_images(empty, "visor", tmp_path / "out", Silent())


def test_detections_are_the_journals_lines(tmp_path: Path) -> None:
    opened = open_shapes(tmp_path / "run", SHAPES)
    run_all(opened, work(), Silent())
    assert export_detections(opened, Finder().signature(), tmp_path / "d.jsonl") == 8
    (journal,) = (tmp_path / "run").rglob("detections.jsonl")
    assert (tmp_path / "d.jsonl").read_bytes() == journal.read_bytes()
