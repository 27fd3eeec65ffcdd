"""The kinds of plug-in and what each promises; ``discovery`` finds them.

A plug-in is an object of a class below, named by an entry point of its kind's group or by
``path/to/file.py:NAME``. Every hook has a default, which its docstring states.
"""

from __future__ import annotations

from .backbone import Ability, Backbone, Defaults
from .benchmark import Benchmark, Judged, Published
from .detector import Detector, DetectorPlugin, MaskedDetections
from .discovery import given, load, names
from .evidence import Evidence, Source
from .judge import Judge, JudgePlugin, NoAnswer
from .kinds import KINDS, Kind
from .layout import Layout
from .method import (
    GenerationSettings,
    ImageRequest,
    Json,
    Method,
    MethodPlugin,
    NoImage,
    Parameter,
)
from .metric import Metric, ScoreTable, share
from .plugin import Plugin
from .prompt_transform import Outcome, PromptTransform, Rewriting
from .requirements import Requirement, required
from .reward_defaults import RewardDefaults
from .rule import Rule, Verdict
from .rule_plugin import RulePlugin

__all__ = [
    "KINDS",
    "Ability",
    "Backbone",
    "Benchmark",
    "Defaults",
    "Detector",
    "DetectorPlugin",
    "Evidence",
    "GenerationSettings",
    "ImageRequest",
    "Json",
    "Judge",
    "JudgePlugin",
    "Judged",
    "Kind",
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
    "given",
    "load",
    "names",
    "required",
    "share",
]
