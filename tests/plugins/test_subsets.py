"""A table says when a detector is not the one that the benchmark, or its subset, prescribes."""

from __future__ import annotations

import pytest

from spatialbench import plugins
from spatialbench.plugins.subsets import stands_in_for
from tests.stages.fakes import Shapes


@pytest.mark.parametrize(
    ("benchmark", "subset", "signature", "prescribed"),
    [
        ("visor", None, "owlvit-base-patch32@cbc355f", None),
        ("visor", None, "lab-owlvit@54fc073", "owlvit"),
        ("visor", None, "owlvit@54fc073", "owlvit"),
        ("visor", None, "owlv2-base-patch16-ensemble@cfd3195", "owlvit"),
        ("geneval", "position", "mask2former-swin-s@743b7d9", None),
        ("geneval", "all", "mask2former-swin-s@743b7d9+clip-vit-l14-openai@32bd642", None),
        ("geneval", "position", "mask2former-swin-s@0123456", "mask2former"),
        ("geneval", "position", "grounding-dino-base@12bdfa3", "mask2former"),
        ("t2i-compbench", "2d", "unidet-rs200@0123456", None),
        ("t2i-compbench", "3d", "unidet-rs200@0123456", "unidet-r50"),
        ("t2i-compbench", "3d", "unidet-r50@0123456", None),
    ],
)
def test_the_prescribed_detector_is_known_by_its_signature(
    benchmark: str, subset: str | None, signature: str, prescribed: str | None
) -> None:
    plugin = plugins.load("benchmark", benchmark)
    assert stands_in_for(plugin, subset, signature) == prescribed


def test_without_the_prescribed_plugin_nothing_is_claimed() -> None:
    class Stranger(Shapes):
        default_subset = "all"
        detector = "nobody-has-this"

    benchmark = Stranger()
    assert stands_in_for(benchmark, None, "whatever@1") is None


def test_a_plugin_without_a_beginning_is_compared_whole(plugin_package: object) -> None:
    squares = plugins.load("benchmark", "squares")
    own = plugins.load("detector", squares.detector).configure(None, "cpu", True).signature()
    assert stands_in_for(squares, None, own) is None
    assert stands_in_for(squares, None, "lab-owlvit@54fc073") == squares.detector
