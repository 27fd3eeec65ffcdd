"""Which detector a word means: signature, the part before its @, or the name of a plug-in."""

from __future__ import annotations

from pathlib import Path

import pytest

from spatialbench.errors import UserError
from spatialbench.executors.local import LocalExecutor
from spatialbench.plugins import load
from spatialbench.plugins.detector_names import matching, plugin_of
from spatialbench.runs.chosen_detector import chosen_detector
from spatialbench.runs.opening import Run
from spatialbench.stages.detect import detect
from spatialbench.stages.generate import generate
from tests.stages.fakes import Finder, Log, Painter, open_shapes


def looked_at(folder: Path, *words: str) -> Run:
    """A run that detectors of these signatures have looked at."""
    run = open_shapes(folder)
    generate(run, Painter(), 5, LocalExecutor(), Log())
    for word in words:
        detect(run, Finder(word=word, weights=word), 5, LocalExecutor(), Log())
    return run


def test_by_signature_by_its_word_and_by_the_plugins_name(tmp_path: Path) -> None:
    lab = load("detector", "lab-owlvit").configure(None, "cpu", True).signature()
    run = looked_at(tmp_path, "squint@w1", "owlvit-base-patch32@cbc355f", lab, "yolo-mine@0123456")
    for given, meant in {
        "squint@w1": "squint@w1",
        "squint": "squint@w1",
        "owlvit": "owlvit-base-patch32@cbc355f",
        "owlvit-base-patch32": "owlvit-base-patch32@cbc355f",
        "lab-owlvit": lab,
        "yolo": "yolo-mine@0123456",
    }.items():
        assert chosen_detector(run, given) == meant


def test_what_is_not_there_says_what_to_type(tmp_path: Path) -> None:
    run = looked_at(tmp_path / "run", "squint@w1", "squint@w2")
    with pytest.raises(UserError, match="squint@w1 or squint@w2"):
        chosen_detector(run, "squint")
    with pytest.raises(UserError, match="did you mean squint@w2 or squint@w1"):
        chosen_detector(run, "squin")
    with pytest.raises(UserError, match=r"spatialbench detect .* --detector owlvit' first"):
        chosen_detector(run, "owlvit")
    with pytest.raises(UserError, match="--detector squint@w1"):
        chosen_detector(run, None)
    with pytest.raises(UserError, match=r"has no detections: type 'spatialbench detect [^']*' f"):
        chosen_detector(open_shapes(tmp_path / "new"), None)


def test_a_benchmarks_addition_to_a_signature_and_names_that_begin_alike() -> None:
    there = ["mask2former-swin-s@743b7d9+clip@32bd642-for-open_clip", "yolo-world-v8@1", "yolo-n@2"]
    assert matching("mask2former", there) == there[:1]
    assert matching("yolo", there) == there[2:]
    assert matching("yolo-world", there) == there[1:2]
    assert matching("owlvit", there) == []


def test_a_signature_names_the_plugin_of_those_weights() -> None:
    lab = load("detector", "lab-owlvit").configure(None, "cpu", True).signature()
    assert plugin_of(lab)[0].name == "lab-owlvit"
    assert plugin_of("owlvit-base-patch32@cbc355f")[0].name == "owlvit"
    assert plugin_of("owlvit:somewhere") == (load("detector", "owlvit"), "somewhere")
    with pytest.raises(UserError, match=r"no detector has the signature .* NAME:WEIGHTS"):
        plugin_of("owlvit@0000000")
    with pytest.raises(UserError, match="did you mean owlvit"):
        plugin_of("owlvitt")
