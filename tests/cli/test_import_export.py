"""``import`` and ``export``: round trips, reports, exit statuses."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests.reference_data import reference
from tests.tree import tree

from .conftest import Command

SQUARES = ("--bench", "squares", "--name", "theirs", "--out", "back")
NUMBERS = ("metrics", "images", "prompts", "partial", "intervals", "groups")


@pytest.fixture
def made(spatialbench: Command) -> Command:
    """A run ``made`` of eight prompts."""
    spatialbench("run", "--method", "painter", "--bench", "squares", "--out", "made", "--limit", 8)
    return spatialbench


@pytest.mark.parametrize("layout", ["visor", "t2i-compbench", "geneval", "flat+csv"])
def test_a_run_comes_back_to_the_same_scores(made: Command, layout: str) -> None:
    assert made("export", "made", "--layout", layout, "--out", "out").status == 0
    dry = made("import", "out", "--layout", layout, *SQUARES, "--limit", 8, "--dry-run")
    assert dry.status == 0
    assert "16 of 16 expected" in dry.out
    assert not Path("back").exists()
    imported = made("import", "out", "--layout", layout, *SQUARES, "--limit", 8)
    assert (imported.status, imported.out.splitlines()[-1]) == (0, "back")
    assert made("detect", "back").status == 0
    back = json.loads(made("score", "back", "--format", "json").out)
    before = json.loads(Path("made/summary.json").read_text())
    assert {key: back[key] for key in NUMBERS} == {key: before[key] for key in NUMBERS}
    assert (back["method"], back["backbone"]) == ("theirs", "unknown")
    assert "seeds:unknown" in back["signature"]


def test_detections_come_back_to_the_same_scores(made: Command) -> None:
    made("export", "made", "--layout", "detections", "--out", "boxes.jsonl")
    arguments = ("import", "boxes.jsonl", "--layout", "detections", *SQUARES)
    refused = made(*arguments)
    assert refused.status == 2
    assert "16 of 96 expected images" in refused.err
    assert not Path("back").exists()
    assert made(*arguments, "--limit", 8, "--detector-name", "blobs").status == 0
    back = json.loads(made("score", "back", "--format", "json").out)
    before = json.loads(Path("made/summary.json").read_text())
    assert {key: back[key] for key in NUMBERS} == {key: before[key] for key in NUMBERS}
    assert back["detector"] == "blobs"
    state = json.loads(made("status", "back", "--format", "json").out)
    assert (state["partial"], state["next"]) == (False, "nothing is left to do")
    assert "none: its detections were imported" in made("status", "back").out
    refused = made("detect", "back", "--detector", "owlvit")
    assert refused.status == 2
    assert "no finished image to look at" in refused.err  # And no word on weights to fetch first.


def test_detections_that_are_not_all_there_or_not_scored_are_no_end(made: Command) -> None:
    made("export", "made", "--layout", "detections", "--out", "boxes.jsonl")
    arguments = ("import", "boxes.jsonl", "--layout", "detections", *SQUARES)
    assert made(*arguments, "--allow-partial").status == 0
    state = json.loads(made("status", "back", "--format", "json").out)
    assert state["partial"] is True
    assert state["next"] == "import a file of all expected images, into a new folder"
    whole = (*arguments[:-1], "whole", "--limit", 8)
    assert made(*whole).status == 0
    state = json.loads(made("status", "whole", "--format", "json").out)
    assert (state["partial"], state["next"]) == (True, "spatialbench score whole")


def state(command: Command, run: str = "back") -> tuple[bool, str]:
    told = json.loads(command("status", run, "--format", "json").out)
    return told["partial"], told["next"]


def test_imported_detections_are_complete_when_they_are(made: Command) -> None:
    """No image is missing, because none was ever to come: the import is not to be given again."""
    made("export", "made", "--layout", "detections", "--out", "boxes.jsonl")
    told = ("import", "boxes.jsonl", "--layout", "detections", *SQUARES)
    assert made(*told, "--limit", 8).status == 0
    assert state(made) == (True, "spatialbench score back")
    assert made("score", "back").status == 0
    assert state(made) == (False, "nothing is left to do")
    text = made("status", "back").out
    assert "none: its detections were imported" in text
    assert re.search(r"complete +yes", text)
    made(*told[:-1], "some", "--allow-partial")
    made("score", "some")
    assert state(made, "some") == (True, "import a file of all expected images, into a new folder")
    assert re.search(r"complete +no", made("status", "some").out)


def test_imported_results_are_complete_when_they_are(spatialbench: Command) -> None:
    record = {"classes": ["person", "bicycle"], "sra": 1}
    Path("r.json").write_text(json.dumps({f"0_{index}": record for index in range(4)}))
    told = ("import", "r.json", "--layout", "results", "--bench", "visor:all", "--name", "t")
    assert spatialbench(*told, "--only", "0", "--out", "whole").status == 0
    assert state(spatialbench, "whole") == (False, "nothing is left to do")
    listed = json.loads(spatialbench("status", ".", "--format", "json").out)["runs"]
    assert [(run["begins"], run["partial"]) for run in listed] == [("verdicts", False)]
    assert spatialbench("gate", "whole", "--write", "gate.json").status == 0
    assert spatialbench("gate", "whole", "--against", "gate.json").status == 0
    assert spatialbench(*told, "--allow-partial", "--out", "part").status == 0
    assert state(spatialbench, "part")[0] is True


def test_what_is_wrong_is_listed_and_nothing_is_imported(made: Command) -> None:
    made("export", "made", "--layout", "visor", "--out", "out")
    names = sorted(path.name for path in Path("out").iterdir())
    os.unlink(f"out/{names[0]}")
    # A hard link to the run's own file: replaced, not written to.
    os.unlink(f"out/{names[1]}")
    Path("out", names[1]).write_bytes(b"")
    Path("out", "notes.png").write_text("")
    arguments = ("import", "out", "--layout", "visor", *SQUARES, "--limit", 8)
    refused = made(*arguments)
    assert refused.status == 2
    assert "14 of 16 expected images match, and nothing was imported" in refused.err
    for said in ("missing", "the file is empty", "notes.png", "wrongly named"):
        assert said in refused.out
    assert not Path("back").exists()
    document = json.loads(made(*arguments, "--format", "json").out)
    assert (document["matched"], document["clean"]) == (14, False)
    assert list(document["unreadable"]) == [names[1]]
    assert made(*arguments, "--allow-partial").status == 0
    made("detect", "back")
    back = json.loads(made("score", "back", "--format", "json").out)
    assert (back["images"], back["images_expected"], back["partial"]) == (14, 16, True)


def test_options_that_do_not_fit(made: Command) -> None:
    for arguments in (
        ("export", "made", "--layout", "visor", "--out", "made"),
        ("export", "made", "--layout", "visor", "--out", "o", "--detector", "x"),
        ("export", "made", "--layout", "results", "--out", "o"),
        ("import", "nowhere", "--layout", "visor", *SQUARES),
        ("import", "made", "--layout", "results", *SQUARES),
        ("import", "made/summary.json", "--layout", "detections", *SQUARES),
        ("import", "made", "--layout", "detections", *SQUARES, "--dry-run"),
    ):
        outcome = made(*arguments)
        assert outcome.status == 2
        assert "Traceback" not in outcome.err


def test_visor_results_come_back(spatialbench: Command) -> None:
    """Official results of three prompts: in, and scored as the file says."""
    records = {
        f"{prompt}_{k}": {"classes": ["person", "bicycle"], "sra": int(k < 2)}
        for prompt in (0, 1, 2)
        for k in range(4)
    }
    Path("results.json").write_text(json.dumps(records))
    outcome = spatialbench(
        *("import", "results.json", "--layout", "results", "--bench", "visor"),
        *("--name", "theirs", "--only", "0,1,2", "--out", "back"),
    )
    assert outcome.status == 0
    summary = json.loads(Path("back/summary.json").read_text())
    fewer = spatialbench(
        *("import", "results.json", "--layout", "results", "--bench", "visor"),
        *("--name", "theirs", "--only", "0,1", "--out", "back", "--allow-partial"),
    )
    assert fewer.status == 2
    assert "back holds the verdicts of this file about more images: they are kept" in fewer.err
    assert json.loads(Path("back/summary.json").read_text()) == summary
    assert [summary["metrics"][key] for key in ("OA", "VISOR_uncond", "VISOR_2", "VISOR_3")] == [
        100,
        50,
        100,
        0,
    ]
    assert spatialbench("leaderboard", "back", "--no-published").status == 0
    state = json.loads(spatialbench("status", "back", "--format", "json").out)
    assert (state["partial"], state["next"]) == (False, "nothing is left to do")
    scored = spatialbench("score", "back")
    assert scored.status == 2
    assert "holds imported results and no detections" in scored.err
    assert spatialbench("leaderboard", "back").status == 0  # What it says to type.
    # An official file holds detections, of which there are none to write.
    refused = spatialbench("export", "back", "--layout", "results", "--out", "again")
    assert refused.status == 2
    assert "0 of the 12 images that were judged" in refused.err
    assert not Path("again").exists()


@pytest.mark.parametrize("model", ["cogview2", "dallev2"])
def test_real_images(spatialbench: Command, model: str) -> None:
    folder = reference("visor", "images", model)
    ids = sorted({re.split("_", path.stem)[0] for path in folder.glob("*.png")})
    arguments = ("import", folder, "--layout", "visor", "--bench", "visor:all", "--name", model)
    document = json.loads(
        spatialbench(*arguments, "--only", ",".join(ids), "--dry-run", "--format", "json").out
    )
    assert len(ids) == 100
    assert document["clean"] is True
    assert document["matched"] == document["expected"] == 400


def test_a_run_of_the_lab_comes_back_from_every_layout(spatialbench: Command) -> None:
    """Real images and a real detector: what was scored is what was exported, pixel by pixel."""
    lab = ("--method", "sd", "--bench", "visor", "--steps", 2, "--limit", 1, "--out", "lab")
    assert spatialbench("run", *lab).status == 0
    before = json.loads(Path("lab/summary.json").read_text())
    for layout in ("visor", "t2i-compbench", "geneval"):
        assert spatialbench("export", "lab", "--layout", layout, "--out", layout).status == 0
        back = f"from-{layout}"
        told = ("--bench", "visor", "--limit", 1, "--name", "sd", "--out", back)
        assert spatialbench("import", layout, "--layout", layout, *told).status == 0
        assert spatialbench("detect", back, "--detector", "lab-owlvit").status == 0
        assert spatialbench("score", back).status == 0
        after = json.loads(Path(back, "summary.json").read_text())
        assert {**after, **_ORIGIN} == {**before, **_ORIGIN}
        assert _boxes(back) == _boxes("lab")


_ORIGIN = dict.fromkeys(
    ("method", "backbone", "signature", "run", "inputs", "scores_sha256", "summary_sha256")
)
"""What a summary says of where its images are from."""


def _boxes(run: str) -> list[bytes]:
    return [path.read_bytes() for path in Path(run, "detections").glob("*/*.jsonl")]


def test_an_export_that_was_killed_after_its_work_can_be_given_again(
    spatialbench: Command,
) -> None:
    made = ("run", "--method", "painter", "--bench", "squares", "--limit", "2", "--out", "run")
    assert spatialbench(*made).status == 0
    export = ("export", "run", "--layout", "flat+csv", "--out", "exported")
    assert spatialbench(*export).status == 0
    whole = tree(Path("exported"))
    again = spatialbench(*export)
    assert again.status == 0, again.err
    assert "4/4 images, complete" in again.err
    assert tree(Path("exported")) == whole
    image = min(Path("exported").glob("*.png"))
    for change in (b"other bytes", None):
        content = image.read_bytes()
        image.unlink()
        if change is not None:
            image.write_bytes(change)
        outcome = spatialbench(*export)
        assert outcome.status == 2
        assert "not an empty folder" in outcome.err
        image.write_bytes(content)
    Path("exported/mine.txt").write_text("mine")
    assert spatialbench(*export).status == 2
    assert Path("exported/mine.txt").read_text() == "mine"
