"""The data set folder: what ``imagefolder`` reads, and what a card may not do to its reader."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import DatasetCard, parse_eval_result_entries

from spatialbench.errors import UserError
from spatialbench.exchange.hub_dataset.folder import export_hub
from spatialbench.executors.local import LocalExecutor
from spatialbench.prompt_transforms.transformed import given_texts, with_given_texts
from spatialbench.reports.scored import load_scored
from spatialbench.runs.machine import this_machine
from spatialbench.runs.opening import Run, RunSpec
from spatialbench.runs.progress import Silent
from spatialbench.runs.selection import Selection
from spatialbench.runs.stored_texts import store_texts
from spatialbench.scoring.score import read_verdicts
from spatialbench.stages.generate import generate
from spatialbench.stages.whole import Work, run_all
from tests.opened_runs import open_run
from tests.reports.scored_runs import Named
from tests.stages.fakes import Finder, Painter, Shapes, open_shapes, work
from tests.tree import tree

SHAPES = Shapes(count=4, images=2)


def made(folder: Path, painter: Painter | None = None) -> Run:
    run = open_shapes(folder, SHAPES, painter)
    run_all(run, work(painter), Silent())
    return run


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("whole") / "run").path


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Run:
    shutil.copytree(whole, tmp_path / "run")
    return open_shapes(tmp_path / "run", SHAPES)


def rows(folder: Path, name: str = "metadata.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text().split("\n")[:-1]]


def test_every_image_has_a_row_with_what_the_run_says_of_it(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert export_hub(run, out, Silent()) == 8
    found = rows(out)
    assert [(row["prompt_id"], row["index"]) for row in found] == run.expected.keys()
    records = {(r["prompt_id"], r["index"]): r for r in run.directory.image_journal.records(print)}
    for row, verdict in zip(found, read_verdicts(run), strict=True):
        key = row["prompt_id"], row["index"]
        assert (out / row["file_name"]).read_bytes() == run.directory.read_image(key)
        assert row["seed"] == records[key]["seed"]
        assert row["prompt"] == row["prompt_sent"] == run.expected.by_id[key[0]].text
        assert row["correct"] == verdict["correct"]
        assert row["verdict"] == ("right" if verdict["correct"] else "wrong")
        assert (row["score"], row["reason"]) == (verdict["score"], verdict["reason"])
        assert row["facts"] == {"found": verdict["found"]}
    assert len({json.dumps(sorted(row)) for row in found}) == 1


def test_the_boxes_are_those_that_count(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export_hub(run, out, Silent())
    (journal,) = (tmp_path / "run").rglob("detections.jsonl")
    known = {(r["prompt_id"], r["index"]): r for r in map(json.loads, journal.open())}
    fewer = 0
    for row in rows(out):
        record = known[row["prompt_id"], row["index"]]
        boxes = zip(record["labels"], record["scores"], record["boxes"], strict=True)
        counting = [one for one in boxes if one[1] > 0.1]
        fewer += len(record["boxes"]) - len(counting)
        told = row["detections"]
        assert list(zip(told["labels"], told["scores"], told["boxes"], strict=True)) == counting
    assert fewer, "no box lies below the threshold: nothing was tested"


def test_a_complete_run_brings_its_results_to_the_hub(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export_hub(run, out, Silent(), "me/images")
    (file,) = (out / ".eval_results").iterdir()
    (entry,) = parse_eval_result_entries(yaml.safe_load(file.read_text()))
    result = load_scored(run).result
    assert (entry.dataset_id, entry.task_id) == ("spatialbench/shapes", "right")
    assert entry.value == result.metric("right")
    assert entry.source_url == "https://huggingface.co/datasets/me/images"
    assert result.signature in str(entry.notes)
    low, high = result.interval("right")
    assert f"95 % interval {low:.2f} to {high:.2f}" in str(entry.notes)
    assert entry.date == run.manifest.machines[0].created.replace("+00:00", "Z")


def test_the_card_tells_how_it_was_measured(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export_hub(run, out, Silent())
    text = (out / "README.md").read_text()
    card = DatasetCard(text)
    assert card.data.task_categories == ["text-to-image"]
    assert {"spatialbench", "shapes"} <= set(card.data.tags)
    assert "license" not in card.data.to_dict()
    (config,) = card.data.to_dict()["configs"]
    assert config["data_files"] == [{"split": "test", "path": ["metadata.jsonl", "images/**"]}]
    signature = load_scored(run).result.signature
    assert f"```text\n{signature}\n```" in text
    assert "95 % interval" in text
    assert "PARTIAL" not in text


def test_a_partial_run_is_marked_and_has_no_results(tmp_path: Path) -> None:
    run, out = open_shapes(tmp_path / "run", SHAPES), tmp_path / "out"
    run_all(run, work(), Silent())
    keys = run.expected.keys()
    run.directory.discard(keys[:1])
    run.directory.image_quarantine.add(keys[:1], "refused by the | filter")
    from spatialbench.scoring.score import score

    assert export_hub(run, out, Silent()) == 7
    assert [row["reason"] for row in rows(out, "missing.jsonl")] == ["refused by the | filter"]
    assert [row["prompt_id"] for row in rows(out, "missing.jsonl")] == [keys[0][0]]
    text = (out / "README.md").read_text()
    assert "1 expected images are not here" in text
    assert "refused by the \\| filter" in text
    # The images that nobody looked at are there, without a verdict; the table says how many.
    half = open_shapes(tmp_path / "half", SHAPES, selection=Selection(limit=2))
    run_all(half, work(), Silent())
    whole = open_shapes(tmp_path / "half", SHAPES)
    generate(whole, Painter(), 4, LocalExecutor(), Silent())
    score(whole, Silent())
    assert export_hub(whole, tmp_path / "out2", Silent()) == 8
    found = rows(tmp_path / "out2")
    assert [row["correct"] for row in found].count(None) == 4
    assert {row["reason"] for row in found if row["correct"] is None} == {
        "not judged: nobody has looked at this image"
    }
    card = (tmp_path / "out2" / "README.md").read_text()
    assert "PARTIAL: 4 of 8" in card
    assert "partial" in DatasetCard(card).data.tags
    assert not (tmp_path / "out2" / ".eval_results").exists()


NASTY = "x: |\n---\n<img src=x onerror=alert(1)> [a](b) `c` ![d](e)\u202e\x1b[2J #"


def test_names_of_others_are_shown_and_obeyed_by_nothing(tmp_path: Path) -> None:
    painter = Named(method=NASTY)
    run, out = made(tmp_path / "run", painter), tmp_path / "out"
    export_hub(run, out, Silent())
    text = (out / "README.md").read_text()
    card = DatasetCard(text)
    assert str(card.data.pretty_name).startswith("x: |")
    assert set(card.data.to_dict()) == {
        *("pretty_name", "task_categories", "tags", "size_categories", "configs")
    }
    for character in ("\x1b", "\u202e"):
        assert character not in text
    for obeyed in ("<img", "[a](b)", "![d]", "`c`"):
        assert obeyed not in card.text
    (entry,) = parse_eval_result_entries(
        yaml.safe_load((out / ".eval_results" / "shapes.yaml").read_text())
    )
    assert "\n" not in str(entry.notes).strip()


def test_the_same_command_again_finds_its_work_done(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export_hub(run, out, Silent())
    before = tree(out)
    assert export_hub(run, out, Silent()) == 8
    assert tree(out) == before
    # Another place gets the same bytes: nothing in them depends on when or where.
    export_hub(run, tmp_path / "other", Silent())
    assert _files(tmp_path / "other") == _files(out)
    (out / "README.md").write_text("mine")
    with pytest.raises(UserError, match="not an empty folder"):
        export_hub(run, out, Silent())


def test_rewritten_prompts_stand_beside_the_benchmarks(tmp_path: Path) -> None:
    shapes = Shapes(count=4, images=1)
    texts = {prompt.id: f"rewritten: {prompt.text}" for prompt in shapes.prompts("all")[:3]}
    texts["3"] = shapes.prompts("all")[3].text
    painter = with_given_texts(Painter(), texts)
    run = open_run(RunSpec(shapes, "all", painter), Selection(), this_machine(), tmp_path / "run")
    given = given_texts(painter)
    assert given is not None
    store_texts(run.path, given, shapes.prompts("all"))
    run_all(run, Work(painter, Finder(), LocalExecutor(), 4), Silent())
    export_hub(run, tmp_path / "out", Silent())
    for row in rows(tmp_path / "out"):
        assert row["prompt"] == shapes.prompts("all")[int(row["prompt_id"])].text
        assert row["prompt_sent"] == texts[row["prompt_id"]]
    assert "3 of 4 prompts rewritten" in (tmp_path / "out" / "README.md").read_text()


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_images_lie_in_shards_that_a_larger_run_keeps(tmp_path: Path) -> None:
    few = open_shapes(tmp_path / "run", Shapes(count=700, images=2), selection=Selection(limit=3))
    run_all(few, work(batch_size=6), Silent())
    export_hub(few, tmp_path / "few", Silent())
    from spatialbench.exchange.hub_dataset.folder import _names

    whole = open_shapes(tmp_path / "run", Shapes(count=700, images=2))
    names = _names_of(whole, _names)
    assert {row["file_name"] for row in rows(tmp_path / "few")} <= set(names)
    folders = [name.split("/")[1] for name in names]
    assert {folder: folders.count(folder) for folder in set(folders)} == {
        "00000": 1000,
        "00001": 400,
    }


def _names_of(run: Run, names: Any) -> list[str]:
    class Held:
        def __init__(self) -> None:
            self.run = run

    return list(names(Held(), run.expected.keys()).values())


def test_what_cannot_be_a_data_set(tmp_path: Path) -> None:
    run = open_shapes(tmp_path / "run", SHAPES)
    generate(run, Painter(), 4, LocalExecutor(), Silent())
    with pytest.raises(UserError, match="not scored yet"):
        export_hub(run, tmp_path / "out", Silent())
    scored = made(tmp_path / "scored")
    with pytest.raises(UserError, match="belongs to the run"):
        export_hub(scored, tmp_path / "scored", Silent())
