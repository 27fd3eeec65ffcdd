"""A table says when a detector is not the one that the benchmark, or its subset, prescribes."""

from __future__ import annotations

import pytest

from spatialbench import plugins
from spatialbench.errors import UserError
from spatialbench.plugins import Benchmark
from spatialbench.plugins.members import checked
from spatialbench.plugins.subsets import stands_in_for
from spatialbench.runs.conditions import Conditions
from spatialbench.runs.signature import Signature
from tests.stages.answering import AskingRule
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


def test_a_benchmark_that_only_asks_prescribes_its_judge(plugin_package: object) -> None:
    class Asking(Shapes):
        detector = ""
        judge = "pixel-judge"

        def __init__(self) -> None:
            super().__init__()
            self.rules = {"asking": AskingRule()}

    benchmark = checked(Asking(), Benchmark, "my benchmark")
    line = "shapes/3 rule:asking/1 det:pixel-judge@1 thr:0.3 n:12x2 seeds:protocol sb:0.1.0"
    own = Signature.parse(line)
    assert not Conditions.of(own).differences(Conditions.prescribed(benchmark, own))
    other = Signature.parse(line.replace("pixel-judge@1", "odd@1"))
    (difference,) = Conditions.of(other).differences(Conditions.prescribed(benchmark, other))
    assert str(difference) == "detector odd@1 (others pixel-judge)"
    Asking.judge = ""
    with pytest.raises(UserError, match="has judge = '': expected the name of a judge, or None"):
        checked(Asking(), Benchmark, "my benchmark")
