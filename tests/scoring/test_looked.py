"""Detections as a whole: labels that nobody asks for, scores of another scale, empty images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.executors.local import LocalExecutor
from spatialbench.plugins import ImageRequest
from spatialbench.plugins.records import BoxRecord
from spatialbench.runs.opening import Run
from spatialbench.scoring.judging import Judging
from spatialbench.scoring.looked import Looked, vocabulary
from spatialbench.scoring.score import score
from spatialbench.stages import first_look
from spatialbench.stages.detect import detect
from spatialbench.stages.generate import generate
from tests.stages.fakes import Finder, Log, Painter, Shapes, open_shapes

SIZE = 16
JUDGING = Judging.by_default(Shapes())


class Moons(Shapes):
    vocabulary = ("moon",)


def look(labels: list[str], score: float = 0.5) -> dict[str, Any]:
    count = len(labels)
    return {
        "width": SIZE,
        "height": SIZE,
        "boxes": [[0, 0, 4, 4]] * count,
        "scores": [score] * count,
        "labels": labels,
    }


def looked(*records: dict[str, Any], limit: float = 0.1) -> list[str]:
    shapes = Shapes()
    found = Looked(shapes)
    for prompt, record in zip(shapes.prompts("all"), records, strict=False):
        found.add(prompt, BoxRecord(record), limit)
    return found.notes(shapes.prompts("all"), JUDGING)


@pytest.mark.parametrize(
    ("spelt", "hint"),
    [
        ("a photo of a {}", "Strip the words of the query"),
        ("the {}.", "Strip the words of the query"),
        ("{} ", "Take the blanks"),
        (" {}", "Take the blanks"),
        ("{}s", "Give one object's name"),
    ],
)
def test_names_that_are_nearly_right_are_an_error_with_what_to_do(spelt: str, hint: str) -> None:
    with pytest.raises(UserError, match=hint) as caught:
        looked(look([spelt.format("circle"), spelt.format("square")]))
    said = str(caught.value)
    assert repr(spelt.format("circle")) in said
    assert "the names are 'circle', 'square'" in said


@pytest.mark.parametrize("change", [str.title, str.upper])
def test_other_letters(change: Callable[[str], str]) -> None:
    with pytest.raises(UserError, match="letter by letter"):
        looked(look([change("circle")]))


def test_some_unknown_labels_are_a_line_with_their_share() -> None:
    assert looked(look(["circle", "moon", "moon"]), look(["square"])) == [
        "2 of 4 boxes (50.0 %) have a label that no prompt asks for: 'moon'."
    ]
    assert looked(look(["circle"]), look([])) == []
    assert looked(look([]), look([])) == ["no box was found in any of 2 images."]


def test_labels_of_other_prompts_alone_are_a_line() -> None:
    """As of classes numbered otherwise: every name is known, and none is asked for where it is."""
    shapes = Moons()
    found = Looked(shapes)
    first, second = shapes.prompts("all")[:2]
    found.add(first, BoxRecord(look(["moon", "moon"])), 0.1)
    said = "no box has a label that the prompt of its own image asks for."
    assert found.notes(shapes.prompts("all"), JUDGING) == [said]
    found.add(second, BoxRecord(look(["moon", *shapes.labels(second)])), 0.1)
    assert found.notes(shapes.prompts("all"), JUDGING) == []


SHARES = [[0.1, 0.2, 0.4, 0.9], [0, 0, 1, 1]]


def test_boxes_in_shares_of_the_image_are_an_error() -> None:
    with pytest.raises(
        UserError, match=r"such as \[0\.1, 0\.2, 0\.4, 0\.9\]: they look like shares"
    ):
        looked(look(["circle", "circle"]) | {"boxes": SHARES}, look([]))


@pytest.mark.parametrize(
    "records",
    [
        # One box reaches further, here or in another image.
        [look(["circle", "circle"]) | {"boxes": [[0.1, 0.2, 0.4, 0.9], [0, 0, 2, 1]]}],
        [look(["circle", "circle"]) | {"boxes": SHARES}, look(["square"])],
        # A pixel, and an image of a few.
        [look(["circle"]) | {"boxes": [[0, 0, 1, 1]]}],
        [look(["circle", "circle"]) | {"boxes": SHARES, "width": 8, "height": 8}],
        [look(["circle"]) | {"boxes": [[-0.5, 0.2, 0.4, 0.9]]}],
    ],
)
def test_boxes_that_may_be_pixels_are_taken(records: list[dict[str, Any]]) -> None:
    assert looked(*records) == []


def test_what_the_benchmark_knows_besides_is_known() -> None:
    shapes = Moons()
    assert vocabulary(shapes, shapes.prompts("all")) == {"circle", "square", "moon"}
    found = Looked(shapes)
    found.add(shapes.prompts("all")[0], BoxRecord(look(["moon", "circle"])), 0.1)
    assert found.notes(shapes.prompts("all"), JUDGING) == []


def test_scores_that_never_pass_are_an_error_and_some_that_do_are_not() -> None:
    with pytest.raises(UserError, match=r"any of 2 images has a score above 0\.9 \(the best"):
        looked(look(["circle"], 0.85), look([]), limit=0.9)
    # Exceeded in float32, as by the rules.
    with pytest.raises(UserError, match="score above"):
        looked(look(["circle"], 0.1))
    assert looked(look(["circle"], float(np.nextafter(np.float32(0.1), np.float32(1))))) == []
    assert looked(look(["circle"], 0.05), look(["circle"], 0.2)) == []


def test_at_a_threshold_that_the_user_chose_nothing_may_count() -> None:
    shapes = Shapes()
    found = Looked(shapes)
    found.add(shapes.prompts("all")[0], BoxRecord(look(["circle"], 0.9)), 0.95)
    assert found.notes([], JUDGING.at(0.95)) == [
        "no box in any of 1 images has a score above 0.95 (the best has 0.9)."
    ]


def test_images_of_one_colour_are_counted() -> None:
    blank = look([]) | {"one_colour": True}
    assert looked(look(["circle"]), blank, blank) == [
        "2 images are of one colour (a safety checker's black, or NaN) and show no object."
    ]


class Speaker(Finder):
    """A finder that answers in its own words, or says what cannot be."""

    def __init__(self, spoilt: Callable[[Detections], Any]) -> None:
        super().__init__()
        self.spoilt = spoilt

    def detect(self, images: Any, labels: Any) -> list[Any]:
        return [self.spoilt(one) for one in super().detect(images, labels)]


def changed(**what: Any) -> Callable[[Detections], Detections]:
    def change(one: Detections) -> Detections:
        fields = ("boxes", "scores", "labels", "width", "height")
        return Detections(**{name: getattr(one, name) for name in fields} | what)

    return change


@pytest.fixture
def run(tmp_path: Path) -> Run:
    opened = open_shapes(tmp_path, Shapes())
    generate(opened, Painter(), 5, LocalExecutor(), Log())
    return opened


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({"scores": np.array([7, 0.1], np.float32)}, "has the score 7"),
        ({"scores": np.array([0.1, -0.1], np.float32)}, "has the score -0.1"),
        ({"scores": np.array([0.1, np.nan], np.float32)}, "NaN"),
        ({"boxes": np.array([[1, 1, 2, 2], [9, 1, 2, 2]], np.float32)}, "ends before it begins"),
        ({"boxes": np.array([[1, 1, 2, 2], [90, 90, 99, 99]], np.float32)}, "outside the image"),
        ({"width": 32}, "32 x 16 pixels, and it has 16 x 16"),
        ({"height": 8}, "16 x 8 pixels, and it has 16 x 16"),
    ],
)
def test_what_a_plugin_cannot_have_found_names_it_and_the_image(
    run: Run, what: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError, match=said) as caught:
        detect(run, Speaker(changed(**what)), 5, LocalExecutor(), Log())
    assert str(caught.value).startswith("finder@w1, image ")
    assert not list(run.directory.detection_journal("finder@w1").records(print))


def shared(one: Detections) -> Detections:
    size = np.array([one.width, one.height, one.width, one.height], np.float32)
    return changed(boxes=one.boxes / size)(one)


@pytest.mark.parametrize("batch", [1, 50])
def test_a_plugin_that_answers_in_shares_stops_before_it_is_believed(run: Run, batch: int) -> None:
    with pytest.raises(UserError, match=r"look like shares .* Nothing was recorded"):
        detect(run, Speaker(shared), batch, LocalExecutor(), Log())
    assert not list(run.directory.detection_journal("finder@w1").records(print))


def test_a_plugin_that_returns_something_else(run: Run) -> None:
    with pytest.raises(UserError, match="returned a list: expected Detections"):
        detect(run, Speaker(lambda one: [one]), 5, LocalExecutor(), Log())


@pytest.mark.parametrize("patience", [10, 50])
def test_a_plugin_that_answers_in_other_words_stops_before_it_is_believed(
    run: Run, patience: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the first images, or at the end of a run that has fewer."""
    monkeypatch.setattr(first_look, "PATIENCE", patience)
    words = changed(labels=("a photo of a circle", "a photo of a square"))
    with pytest.raises(UserError, match=r"finder@w1: no label .* Strip the words") as caught:
        detect(run, Speaker(words), 5, LocalExecutor(), Log())
    assert "Nothing was recorded" in str(caught.value)
    assert not list(run.directory.detection_journal("finder@w1").records(print))


class HalfBlack(Painter):
    """A method whose safety checker blackens every other image."""

    def generate(self, requests: Any) -> list[Image.Image]:
        def shown(request: ImageRequest, image: Image.Image) -> Image.Image:
            return Image.new("RGB", image.size) if request.index else image

        return [shown(*pair) for pair in zip(requests, super().generate(requests), strict=True)]


def test_black_images_are_said_when_made_and_under_the_table(tmp_path: Path) -> None:
    log = Log()
    run = open_shapes(tmp_path, Shapes())
    generate(run, HalfBlack(), 5, LocalExecutor(), log)
    assert any(notice.startswith("12 images are of one colour") for notice in log.notices)
    detect(run, Finder(), 5, LocalExecutor(), Log())
    summary = score(run, Log())
    assert summary.one_colour == 12
    assert any(note.startswith("12 images are of one colour") for note in summary.notes)


class Stating(Finder):
    """A stand-in on a scale of its own."""

    score_threshold = 0.05


def test_a_detector_states_its_own_threshold(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spatialbench.scoring.score.stands_in_for", lambda *_: "another")
    detect(run, Stating(), 5, LocalExecutor(), Log())
    assert score(run, Log()).threshold == 0.05
    assert score(run, Log(), JUDGING.at(0.2)).threshold == 0.2
    monkeypatch.setattr("spatialbench.scoring.score.stands_in_for", lambda *_: None)
    assert score(run, Log()).threshold == 0.1


@pytest.mark.parametrize("stated", [-0.1, 1.1, True, "0.3"])
def test_a_threshold_that_is_none(run: Run, stated: Any) -> None:
    finder = Stating()
    finder.score_threshold = stated
    with pytest.raises(UserError, match="states the threshold"):
        detect(run, finder, 5, LocalExecutor(), Log())


@pytest.mark.parametrize("threshold", [-0.001, 1.001, float("nan")])
def test_a_threshold_outside_0_to_1_is_refused(run: Run, threshold: float) -> None:
    detect(run, Finder(), 5, LocalExecutor(), Log())
    with pytest.raises(UserError, match="is not a detection score"):
        score(run, Log(), JUDGING.at(threshold))
    assert score(run, Log(), JUDGING.at(0.0)).threshold == 0.0


def test_a_negative_index_in_a_journal_is_no_image(run: Run) -> None:
    detect(run, Finder(), 5, LocalExecutor(), Log())
    before = score(run, Log())
    journal = run.directory.detection_journal("finder@w1")
    first = next(iter(journal.records(print)))
    with journal.writer() as writer:
        writer.append([first | {"index": -1, "scores": [1.0, 1.0]}])
    after = score(run, Log())
    assert (after.images, after.metrics) == (before.images, before.metrics)
