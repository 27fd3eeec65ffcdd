"""The kinds of plug-in, as one table: what each is called, its base class and its option."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .backbone import Backbone
from .benchmark import Benchmark
from .detector import DetectorPlugin
from .judge import JudgePlugin
from .method import MethodPlugin
from .plugin import Plugin
from .prompt_transform import PromptTransform
from .rule_plugin import RulePlugin

Kind = Literal["method", "detector", "judge", "benchmark", "backbone", "rule", "prompt transform"]


@dataclass(frozen=True, slots=True)
class KindFacts:
    """What the harness knows of a kind; ``option`` is what takes its names."""

    base: type[Plugin]
    option: str


KINDS: Mapping[Kind, KindFacts] = {
    "method": KindFacts(MethodPlugin, "--method"),
    "detector": KindFacts(DetectorPlugin, "--detector"),
    "judge": KindFacts(JudgePlugin, "--judge"),
    "benchmark": KindFacts(Benchmark, "--bench"),
    "backbone": KindFacts(Backbone, "--backbone"),
    "rule": KindFacts(RulePlugin, "--rule"),
    "prompt transform": KindFacts(PromptTransform, "--prompt-transform"),
}
"""In the order of lists."""


def group(kind: Kind) -> str:
    """The entry-point group of a kind, such as ``spatialbench.prompt_transforms``."""
    return f"spatialbench.{kind.replace(' ', '_')}s"
