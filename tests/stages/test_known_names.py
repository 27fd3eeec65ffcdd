"""Which names a detector knows, with the benchmarks' own prompts, and the map of synonyms."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spatialbench import plugins
from spatialbench.api.known_names import known_to
from spatialbench.detections import Detections
from spatialbench.plugins import Detector, MaskedDetections
from spatialbench.plugins.requirements import Requirement
from spatialbench.plugins.subsets import is_own
from spatialbench.prompts import COCO_NAMES
from spatialbench.reports.marks import MARKS
from spatialbench.runs.selection import Selection, select
from spatialbench.stages.known_names import (
    asked_names,
    known_names,
    names_requirement,
    unknown_names,
    with_synonyms,
)
from spatialbench.stages.synonyms import SYNONYMS, WithSynonyms, others
from tests.import_graph import ROOT
from tests.reference_data import t2i_compbench_files


class Boxes(Detector):
    """A detector of these classes that finds each of them in every image, with a mask."""

    has_masks = True

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = list(classes)

    def identity(self) -> dict[str, str]:
        return {"detector": "boxes"}

    def signature(self) -> str:
        return "boxes@1"

    def load(self) -> None: ...

    def requirements(self, names: Collection[str]) -> list[Requirement]:
        weights = Requirement("weights", "there are none", fetchable=True)
        lacking = sorted({*names} - {*self.classes})
        return [weights, *([Requirement("classes", f"no {lacking}")] if lacking else [])]

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        assert {name for names in labels for name in names} <= {*self.classes}
        boxes = [[0, 0, 1 + place, 9] for place in range(len(self.classes))]
        scores = [0.5] * len(boxes)
        return [Detections.build(boxes, scores, self.classes, *one.size) for one in images]

    def detect_masks(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[MaskedDetections]:
        masks = np.ones((len(self.classes), 9, 9), dtype=np.bool_)
        return [MaskedDetections(one, masks) for one in self.detect(images, labels)]


COCO = Boxes(COCO_NAMES)


def test_the_300_prompts_of_t2i_compbench_by_coco_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """90 ask for COCO names alone, where a man, woman, boy or girl is a person, as officially."""
    t2i_compbench_files(monkeypatch)
    benchmark = plugins.load("benchmark", "t2i-compbench")
    prompts = benchmark.prompts("2d")
    of = (benchmark, "2d", "none", "cpu", True)
    chosen = select(prompts, known_to((COCO, *of), Selection(), False), benchmark.labels)
    assert len(chosen) == 90
    assert all({*benchmark.labels(prompt)} <= {*COCO_NAMES} for prompt in chosen)
    people = {"man", "woman", "boy", "girl"}
    assert sum(people.isdisjoint(prompt.text.split()) for prompt in chosen) == 57
    lacking = names_requirement(COCO, prompts, benchmark.labels)
    assert lacking is not None
    assert "does not know 22 of the 46 names" in str(lacking.missing)
    assert "210 of the 300 prompts" in str(lacking.missing)
    assert "a table of the other 90" in str(lacking.missing)
    assert "(sofa as couch, television as tv)" in str(lacking.missing)
    helped = with_synonyms(COCO, asked_names(benchmark, "2d"))
    assert isinstance(helped, WithSynonyms)
    assert helped.renamed == {"sofa": "couch", "television": "tv"}
    more = select(prompts, known_to((COCO, *of), Selection(), True), benchmark.labels)
    # Every one of them names a sofa or a television, and none a sofa with a couch.
    added = [set(benchmark.labels(prompt)) for prompt in more if prompt not in chosen]
    assert len(added) == 14
    assert all(names & {"sofa", "television"} for names in added)
    assert {"sofa", "couch"} not in added
    limited = known_to((COCO, *of), Selection(limit=10), False)
    assert select(prompts, limited, benchmark.labels) == chosen[:10]


def test_what_needs_nothing_is_left_as_it_is() -> None:
    names = ["dog", "cat"]
    assert unknown_names(COCO, names) == []
    assert with_synonyms(COCO, names) is COCO
    assert known_names(COCO, [*names, "unicorn"]) == {"cat": "cat", "dog": "dog"}
    # A detector that knows nothing that is asked says so itself.
    visor = plugins.load("benchmark", "visor")
    assert names_requirement(Boxes(["cell"]), visor.prompts("relational"), visor.labels) is None
    assert names_requirement(COCO, visor.prompts("relational"), visor.labels) is None


def test_two_names_of_one_class_are_not_told_apart() -> None:
    helped = with_synonyms(COCO, ["couch", "dog", "sofa"])
    selection = Selection(known_names=known_names(helped, ["couch", "dog", "sofa"]))
    assert selection.known_names == {"couch": "couch", "dog": "dog", "sofa": "couch"}
    assert selection.knows(["sofa", "dog"])
    assert not selection.knows(["sofa", "couch"])
    assert not selection.knows(["sofa", "unicorn"])
    assert selection.knows([])
    assert Selection().knows(["unicorn"])
    assert selection.signed_names is not None
    assert selection.signed_names.startswith("3@")
    assert selection.signed_names != Selection(known_names={"couch": "couch"}).signed_names


def test_boxes_have_the_names_that_were_asked_for_in_their_own_image() -> None:
    plain = Boxes(["couch", "dog"])
    detector = with_synonyms(plain, ["couch", "dog", "sofa"])
    assert isinstance(detector, WithSynonyms)
    images = [Image.new("RGB", (9, 9))] * 3
    asked = [["dog", "sofa"], ["couch"], []]
    found = detector.detect(images, asked)
    assert [one.labels for one in found] == [("sofa", "dog"), ("couch", "dog"), ("couch", "dog")]
    masked = detector.detect_masks(images, asked)
    assert [one.detections.labels for one in masked] == [one.labels for one in found]
    assert detector.has_masks
    assert detector.identity() == {"detector": "boxes", "synonyms": {"sofa": "couch"}}
    assert re.fullmatch(r"boxes@1\+synonyms-[0-9a-f]{7}", detector.signature())
    # It is not the prescribed detector any more.
    assert is_own(plain.signature(), "boxes@")
    assert not is_own(detector.signature(), "boxes@")
    assert not is_own("other@1", "boxes@")


def test_the_map_is_of_one_thing_each_and_stands_in_the_docs() -> None:
    names = [name for group in SYNONYMS for name in group]
    assert len(names) == len(set(names))
    assert all(len(group) > 1 and group == tuple(map(str.lower, group)) for group in SYNONYMS)
    # No two classes of COCO are one thing, and COCO's name comes first.
    for group in SYNONYMS:
        assert {*group} & {*COCO_NAMES} <= {group[0]}
    assert others("sofa") == ("couch",)
    assert others("unicorn") == ()
    told = (ROOT / "docs" / "detectors.md").read_text("utf-8")
    for group in SYNONYMS:
        assert f"| {' | '.join((group[0], ', '.join(group[1:])))} |" in told
    for name in ("known-names", "synonyms"):
        assert MARKS[name][0] in told


def test_a_manifest_says_nothing_of_names_where_nobody_asked(tmp_path: Path) -> None:
    from spatialbench.runs.manifest import Manifest
    from spatialbench.runs.selection import Selection as Chosen

    identity = {
        "benchmark": "b", "subset": "s", "seeds": "protocol", "prompt_set": "0", "generator": {}
    }  # fmt: skip
    plain = Manifest(id="0", identity=identity, selection=Chosen(limit=3), machines=[])
    assert "known_names" not in plain.text()
    assert Manifest.model_validate_json(plain.text()) == plain
    known = plain.model_copy(update={"selection": Chosen(known_names={"sofa": "couch"})})
    assert Manifest.model_validate_json(known.text()) == known
