"""GenEval as a benchmark plug-in: what the harness asks of it, answered by the other modules."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from spatialbench.errors import UserError
from spatialbench.plugins import (
    Benchmark,
    Detector,
    Evidence,
    Judged,
    Metric,
    Published,
    RewardDefaults,
    Rule,
)
from spatialbench.plugins.layout import Layout
from spatialbench.prompts import Prompt

from . import metrics, official, prompts
from .asked_metadata import prompt_of_asked
from .clip_colours import CLIP
from .colouring import coloured
from .evaluation import COUNTING, Options
from .layout import LAYOUT
from .names import CLASSES, coco_name, own_name
from .options import RANGES, checked_options
from .own_thresholds import asks_for_colours, metadata_of
from .published import published
from .recipe import TAGS
from .rule import GenEvalRule
from .trainer_rules import PARTIAL, STRICT

_RULES = {"official": GenEvalRule()}


class GenEval(Benchmark):
    """Ghosh et al., "GenEval: An Object-Focused Framework" (2023)."""

    name = "geneval"
    version = 1
    summary = "GenEval: 553 prompts of six tasks with COCO objects; position by default"
    subsets: Mapping[str, str] = prompts.SUBSETS
    rule_options: Mapping[str, tuple[float, float]] = RANGES
    default_subset = "position"
    homepage = "https://github.com/djghosh13/geneval"
    images_per_prompt = 4
    detector = "mask2former"
    rules: Mapping[str, Rule] = dict(_RULES)
    metrics: Sequence[Metric] = metrics.METRICS
    layouts: Mapping[str, Layout] = {"geneval": LAYOUT}
    rewards = RewardDefaults(
        subset="all",
        rule=PARTIAL.full_name,
        official=_RULES["official"].name,
        strict=STRICT.full_name,
        groups=TAGS,
    )
    vocabulary: Sequence[str] = (*CLASSES, *map(coco_name, CLASSES))
    """What its own detector answers, whatever is asked."""

    def prompts(self, subset: str) -> Sequence[Prompt]:
        """The prompts of a subset, in official order. Raises UserError for an unknown subset."""
        return prompts.prompts(subset)

    def official_prompts(self, subset: str) -> bytes:
        """The subset as the official metadata file; ``all`` is that file byte for byte."""
        return prompts.official_metadata(subset)

    def seed(self, prompt: Prompt, index: int) -> int:
        """42 + k for every prompt.

        The official generator seeds 42 once a prompt and draws its four images from one stream,
        so that an image depends on the ones before it; 42 + k is our choice.
        """
        return 42 + index

    def labels(self, prompt: Prompt) -> Sequence[str]:
        """COCO's names of the prompt's classes, which is what detectors know."""
        unwanted = (one["class"] for one in metadata_of(prompt).get("exclude", ()))
        return tuple(coco_name(name) for name in dict.fromkeys((*prompt.objects, *unwanted)))

    def stands_for(self, prompt: Prompt, label: str, name: str) -> bool:
        """Whether a label means a class: COCO's name and GenEval's own are the same class."""
        return own_name(label) == own_name(name)

    def clusters(self, prompts: Sequence[Prompt]) -> Sequence[str]:
        """The prompt: its images are not independent."""
        return [prompt.id for prompt in prompts]

    def published(self) -> Sequence[Published]:
        """Published rows, with what is odd about them."""
        return published()

    def violations(self, numbers: Mapping[str, float], rounding: float, whole: bool) -> list[str]:
        """Whether ``overall`` is the mean of the six tasks, as far as rounding lets one see.

        Published rows have two digits of a share, so that a cell in percent may be off by 0.5.
        """
        return metrics.violations(numbers, rounding)

    def needs_prepared_detector(self, prompts: Sequence[Prompt]) -> bool:
        """Whether any of the prompts asks for a colour."""
        return any(map(asks_for_colours, prompts))

    def prepare_detector(
        self, detector: Detector, subset: str, device: str, offline: bool
    ) -> Detector:
        """The detector, with a colour classifier behind it where the subset asks for colours."""
        if subset not in prompts.COLOURED_SUBSETS or detector.has_colours:
            return detector
        return coloured(detector, device, offline)

    def fetch(self) -> Sequence[Path]:
        """Download the colour classifier; the prompts need no download."""
        return [CLIP.fetch()]

    def judged_metadata(self, metadata: Any) -> str | None:
        """What the scorer reads of a ``metadata.jsonl``; see ``prompts.judged_metadata``."""
        return prompts.judged_metadata(metadata)

    def prompt_of_metadata(self, metadata: Mapping[str, Any]) -> Prompt:
        """The prompt that a trainer's own metadata describe; see ``asked_metadata``."""
        return prompt_of_asked(metadata)

    def official_reader(
        self, subset: str, images_per_prompt: int | None = None
    ) -> Callable[[Path], Judged]:
        """What reads an official ``results.jsonl``; see ``official.read_official``."""
        return official.read_official

    def texts_in_results(self, path: Path) -> Mapping[str, str]:
        """The prompts as a ``results.jsonl`` has them, by the ids of those that were meant."""
        return official.texts_in_results(path)

    def rule_with(self, rule: Rule, options: Mapping[str, Any]) -> Rule:
        """The official rule with other options than its defaults.

        Raises:
            UserError: a value that is not a number, or out of its range.
        """
        return GenEvalRule(checked_options(Options(), options))

    def official_results(
        self,
        images: Iterable[tuple[Prompt, int, Evidence]],
        subset: str,
        rule: Rule,
        threshold: float,
        method: str,
        detector: str | None = None,
        images_per_prompt: int | None = None,
    ) -> Mapping[str, bytes]:
        """``results.jsonl`` and the summary that the official script prints of it."""
        chosen = next(r for r in _RULES.values() if r.name == rule.name)
        images = list(images)
        if all(prompt.task == COUNTING for prompt, _, _ in images):
            chosen = chosen.for_prompts([prompt for prompt, _, _ in images], threshold)
        lines = [
            official.result_line(
                official.sample_path(prompt, index),
                prompt,
                chosen.evaluate(prompt, seen.boxes, threshold),
            )
            for prompt, index, seen in sorted(images, key=lambda row: (row[0].id, row[1]))
        ]
        summary = official.summary_text(json.loads(line) for line in lines)
        return {
            "results.jsonl": "".join(f"{line}\n" for line in lines).encode(),
            "summary.txt": summary.encode(),
        }

    def prompt_of_record(self, record: Mapping[str, Any], subset: str | None) -> Prompt | None:
        """The prompt a detections record brings under ``metadata``: an official metadata object.

        Raises:
            UserError: something else there.
        """
        metadata = record.get("metadata")
        if metadata is None:
            return None
        try:
            return prompts.prompt_of(record["prompt_id"], metadata)
        except (KeyError, TypeError, IndexError) as error:
            raise UserError(
                f"the metadata of {record['prompt_id']!r} are not GenEval's ({error!r}); expected "
                "an object with tag, include and prompt."
            ) from error


PLUGIN: Benchmark = GenEval()
