"""A detector without some of the prompts' names: said before the first image, with ways on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from spatialbench.runs.signature import Signature

from .conftest import Command, Outcome

PLUG_INS = '''
from PIL import Image

from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.plugins import Detector
from spatialbench.plugins.requirements import required

PLACES = {"dog": [0, 0, 10, 10], "cat": [30, 0, 40, 10], "couch": [50, 0, 60, 10]}


def paint(prompt, seed):
    return Image.effect_noise((64, 64), 50).convert("RGB")


class Closed(Detector):
    """Three classes; it finds each of them, wherever it looks."""

    def identity(self):
        return {"detector": "closed"}

    def signature(self):
        return "closed@1"

    def load(self):
        pass

    def requirements(self, names):
        def known():
            if others := sorted(set(names) - PLACES.keys()):
                raise UserError(f"closed has no class {', '.join(others)}.")

        check = required("its classes", known)
        return [check] if check.missing else []

    def detect(self, images, labels):
        for names in labels:
            assert set(names) <= PLACES.keys(), names
        boxes, names = list(PLACES.values()), list(PLACES)
        return [Detections.build(boxes, [0.9] * 3, names, *image.size) for image in images]


class Open(Closed):
    """It takes any name."""

    def signature(self):
        return "open@1"

    def requirements(self, names):
        return []

    def detect(self, images, labels):
        return [
            Detections.build([[0, 0, 9, 9]] * len(names), [0.9] * len(names), names, *image.size)
            for image, names in zip(images, labels)
        ]
'''

PROMPTS = (
    "a dog to the left of a cat",
    "a sofa to the right of a dog",
    "a cat to the right of a unicorn",
    "a cat to the left of a dog",
    "a sofa to the right of a couch",
)
DETECTOR = "things.py:Closed"
RUN = ("run", "--method", "things.py:paint", "--name", "paint", "--bench", "own-prompts:own.txt")


@pytest.fixture(autouse=True)
def _things(tmp_path: Path) -> None:
    (tmp_path / "things.py").write_text(PLUG_INS)
    (tmp_path / "own.txt").write_text("\n".join(PROMPTS))


def document(outcome: Outcome) -> dict[str, object]:
    assert outcome.status == 0, outcome.err
    found: dict[str, object] = json.loads(outcome.out)
    return found


def test_run_stops_before_the_first_image_and_offers_what_works(
    spatialbench: Command, tmp_path: Path
) -> None:
    refused = spatialbench(*RUN, "--detector", DETECTOR)
    assert refused.status == 2
    assert not (tmp_path / "runs").exists()
    last = refused.err.strip().splitlines()[-1]
    assert "closed@1 does not know 2 of the 5 names that are asked for ('sofa', 'unicorn')" in last
    assert "3 of the 5 prompts could never be right" in last
    assert "--known-names-only for a table of the other 2, which is marked" in last
    assert "--synonyms looks for 1 of them by another name (sofa as couch)" in last
    # The images alone can be made without the option.
    assert "--known-names-only'" not in last.rpartition("type '")[2]

    table = spatialbench(*RUN, "--detector", DETECTOR, "--known-names-only")
    assert table.status == 0, table.err
    assert "[k]" in table.out
    assert "3 of the 5 prompts of the set are left out" in table.out
    assert "('sofa', 'unicorn')" in table.out
    again = document(
        spatialbench(*RUN, "--detector", DETECTOR, "--known-names-only", "--format", "json")
    )
    assert (again["images"], again["prompts_expected"], again["partial"]) == (2, 2, False)
    signature = Signature.parse(str(again["signature"]))
    assert signature.names is not None
    assert signature.names.startswith("3@")
    (run,) = (tmp_path / "runs").rglob("manifest.json")
    assert json.loads(run.read_text())["selection"]["known_names"] == {
        "cat": "cat", "couch": "couch", "dog": "dog"
    }  # fmt: skip


def test_synonyms_are_asked_for_and_told(spatialbench: Command) -> None:
    # One prompt asks for a sofa and a couch, and there is one class: that cannot be told.
    refused = spatialbench(*RUN, "--detector", DETECTOR, "--synonyms")
    assert refused.status == 2
    assert "does not know 1 of the 5 names" in refused.err
    assert "2 of the 5 prompts could never be right" in refused.err
    flags = ("--detector", DETECTOR, "--synonyms", "--known-names-only", "--format", "json")
    found = document(spatialbench(*RUN, *flags))
    assert found["prompts_expected"] == 3
    assert str(found["detector"]).startswith("closed@1+synonyms-")
    board = spatialbench("leaderboard", "runs")
    assert "[k]" in board.out
    assert "[s]" in board.out
    (record,) = Path("runs").rglob("detector.json")
    assert json.loads(record.read_text())["identity"]["synonyms"] == {"sofa": "couch"}
    (boxes,) = Path("runs").rglob("detections.jsonl")
    rows = [json.loads(line) for line in boxes.read_text().splitlines()]
    # A box has the name that its own prompt asks for.
    named = {row["prompt_id"]: row["labels"] for row in rows}
    assert named == {
        "0": ["dog", "cat", "couch"], "1": ["dog", "cat", "sofa"], "3": ["dog", "cat", "couch"]
    }  # fmt: skip


def test_a_run_that_is_there(spatialbench: Command, tmp_path: Path) -> None:
    made = spatialbench("generate", *RUN[1:])
    run = Path(made.out.strip())
    refused = spatialbench("detect", run, "--detector", DETECTOR)
    assert refused.status == 2
    assert "a table of the other 2" in refused.err
    assert not (run / "detections").exists()
    looked = spatialbench("detect", run, "--detector", DETECTOR, "--known-names-only")
    assert looked.status == 0
    assert "2 images looked at now" in looked.err
    refused = spatialbench("score", run)
    assert refused.status == 2
    assert "closed@1 has looked at the images of 2 of the 5 prompts alone" in refused.err
    offered = refused.err.rpartition("as in '")[2].partition("'")[0]
    table = spatialbench(*offered.split()[1:])
    assert table.status == 0, table.err
    assert "[k]" in table.out
    # It is the run's own from now on, everywhere.
    for words in (("score", run), ("leaderboard", run), ("compare", run, run)):
        assert "[k]" in spatialbench(*words).out, words
    (exported,) = spatialbench("leaderboard", run, "--format", "csv").out.splitlines()[1:]
    assert "known-names" in exported
    assert spatialbench("gallery", run, "--out", "page").status == 0
    assert "only the prompts whose every name" in next(tmp_path.glob("page*/*.html")).read_text()
    # A detector that takes any name makes the run whole again.
    assert "[k]" not in spatialbench(*RUN, "--detector", "things.py:Open").out


def test_imported_images(spatialbench: Command, tmp_path: Path) -> None:
    images = tmp_path / "brought"
    images.mkdir()
    for number in range(len(PROMPTS)):
        Image.effect_noise((64, 64), 50).convert("RGB").save(images / f"{number}_0.png")
    bring = (
        *("import", images, "--layout", "id", "--name", "it", "--score"),
        *("--bench", "own-prompts:own.txt"),
    )
    refused = spatialbench(*bring, "--detector", DETECTOR)
    assert refused.status == 2
    assert "--known-names-only" in refused.err
    table = spatialbench(*bring, "--detector", DETECTOR, "--known-names-only")
    assert table.status == 0, table.err
    assert "[k]" in table.out


def test_options_that_would_do_nothing(spatialbench: Command) -> None:
    made = spatialbench("generate", *RUN[1:], "--limit", "1")
    run = Path(made.out.strip())
    for words in (
        ("detect", run, "--judge", "blip-vqa", "--known-names-only"),
        ("import", run / "images", "--name", "x", "--bench", "visor", "--synonyms"),
        ("score", "--bench", "visor", "--detections", "x", "--known-names-only"),
    ):
        assert spatialbench(*words).status == 2, words
    judged = ("--bench", "geneval2", "--method", "sd", "--known-names-only")
    assert spatialbench("run", *judged).status == 2
