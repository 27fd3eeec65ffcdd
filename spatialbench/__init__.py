"""Measures how well a text-to-image method puts things where the prompt says.

``__all__`` is the stable surface; ``docs/python.md`` describes it. Nothing is imported before it is
used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api.comparing import Comparison as Comparison
    from .api.comparing import compare as compare
    from .api.elsewhere import score as score
    from .api.evaluate import evaluate as evaluate
    from .api.measured import Measured as Measured
    from .api.reproduce import Reproduced as Reproduced
    from .api.reproduce import reproduce as reproduce
    from .api.run import Run as Run
    from .api.run import load_run as load_run
    from .detections import Detections as Detections
    from .errors import UserError as UserError
    from .plugins import Backbone as Backbone
    from .plugins import Benchmark as Benchmark
    from .plugins import Defaults as Defaults
    from .plugins import Detector as Detector
    from .plugins import DetectorPlugin as DetectorPlugin
    from .plugins import Evidence as Evidence
    from .plugins import GenerationSettings as GenerationSettings
    from .plugins import ImageRequest as ImageRequest
    from .plugins import Judge as Judge
    from .plugins import JudgePlugin as JudgePlugin
    from .plugins import Layout as Layout
    from .plugins import MaskedDetections as MaskedDetections
    from .plugins import Method as Method
    from .plugins import MethodPlugin as MethodPlugin
    from .plugins import Metric as Metric
    from .plugins import NoAnswer as NoAnswer
    from .plugins import NoImage as NoImage
    from .plugins import Outcome as Outcome
    from .plugins import Parameter as Parameter
    from .plugins import Plugin as Plugin
    from .plugins import PromptTransform as PromptTransform
    from .plugins import Published as Published
    from .plugins import Requirement as Requirement
    from .plugins import RewardDefaults as RewardDefaults
    from .plugins import Rewriting as Rewriting
    from .plugins import Rule as Rule
    from .plugins import RulePlugin as RulePlugin
    from .plugins import ScoreTable as ScoreTable
    from .plugins import Source as Source
    from .plugins import Verdict as Verdict
    from .plugins import required as required
    from .plugins import share as share
    from .prompts import Prompt as Prompt
    from .prompts import Triplet as Triplet

__version__ = "0.1.0"

_HOMES = {
    "api.comparing": ("Comparison", "compare"),
    "api.elsewhere": ("score",),
    "api.evaluate": ("evaluate",),
    "api.measured": ("Measured",),
    "api.reproduce": ("Reproduced", "reproduce"),
    "api.run": ("Run", "load_run"),
    "detections": ("Detections",),
    "errors": ("UserError",),
    "plugins": (
        "Backbone",
        "Benchmark",
        "Defaults",
        "Detector",
        "DetectorPlugin",
        "Evidence",
        "GenerationSettings",
        "ImageRequest",
        "Judge",
        "JudgePlugin",
        "Layout",
        "MaskedDetections",
        "Method",
        "MethodPlugin",
        "Metric",
        "NoAnswer",
        "NoImage",
        "Outcome",
        "Parameter",
        "Plugin",
        "PromptTransform",
        "Published",
        "Requirement",
        "RewardDefaults",
        "Rewriting",
        "Rule",
        "RulePlugin",
        "ScoreTable",
        "Source",
        "Verdict",
        "required",
        "share",
    ),
    "prompts": ("Prompt", "Triplet"),
}
"""The module of each public name."""
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted([*_HOME, "__version__"])


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
