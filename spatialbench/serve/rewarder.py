"""From an asked image to its reward: everything of the server that is not a protocol."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Self

from .. import __version__
from ..api import choosing
from ..errors import UserError
from ..files.images import UnreadableImage, read_rgb
from ..plugins import Benchmark, Detector, DetectorPlugin, Rule, Verdict
from ..plugins.discovery import name_and_rest
from ..plugins.evidence import FOUND_WITH_BOXES
from ..plugins.records import BoxRecord
from ..prompts import Prompt
from ..scoring.judging import Judging
from ..scoring.looked import vocabulary
from ..stages.detector_record import stated_threshold
from ..weights.devices import chosen_device
from .asked import Asked, Ready, Refused, Reward
from .asked_prompts import AskedPrompts
from .live_detector import LiveDetector

FORMATS = ("PNG", "JPEG", "WEBP")
MOST_PIXELS = 1 << 24
"""4096 x 4096 pixels of one image, 50 MB when decoded."""


class Rewarder:
    """Finds the prompt of an image, looks at it and judges it.

    ``read`` may be called from any thread, and ``reward`` from one thread at a time.

    Attributes:
        benchmark: whose prompts and rules they are.
        subset: the name of its prompt subset.
        rule: the name of the rule whose score is the reward.
        official: the name of the rule that says whether an image is right.
        strict: likewise, where more than what was asked for is wrong too.
        groups: of prompts, in the order in which trainers are told of each apart.
    """

    def __init__(
        self,
        benchmark: Benchmark,
        subset: str,
        detector: Detector,
        rule: Rule,
        *,
        others: Sequence[Rule] = (),
        threshold: float | None = None,
        metadata: Path | None = None,
        device: str = "cpu",
        offline: bool = False,
        most_pixels: int = MOST_PIXELS,
    ) -> None:
        """See ``of``, which takes names; ``others`` are the rules that may be asked for besides.

        Raises:
            UserError: a rule that needs depth, masks or a judge, which a server has not, or that
                says nothing of these prompts.
        """
        self.benchmark, self.subset = benchmark, subset
        self._prompts = AskedPrompts(benchmark, subset, metadata)
        self._metadata = metadata
        self._most_pixels = most_pixels
        prompts = self._prompts.prompts
        names = {name for prompt in prompts for name in benchmark.labels(prompt)}
        whole = benchmark.prepare_detector(detector, subset, device, offline)
        self._detector = LiveDetector(whole, detector, names, vocabulary(benchmark, prompts))
        stated = stated_threshold(detector)
        self._judgings: dict[str, Judging] = {}
        for one in (rule, *others):
            judging = Judging(one, threshold).of_prompts(prompts, stated)
            _require_boxes_alone(judging, prompts)
            _require_judged(judging, prompts)
            # What is asked for is the rule; the name of the bound one may say a threshold as well.
            self._judgings.setdefault(one.name, judging)
        self.rule = rule.name
        defaults = benchmark.rewards
        self.official = self._offered(defaults.official)
        self.strict = self._offered(defaults.strict)
        tasks = dict.fromkeys(prompt.task for prompt in prompts)
        self.groups = tuple(tasks) if defaults.groups is None else defaults.groups

    @classmethod
    def of(
        cls,
        bench: str | Benchmark,
        *,
        detector: str | Detector | DetectorPlugin | None = None,
        rule: str | Rule | None = None,
        threshold: float | None = None,
        metadata: Path | None = None,
        device: str | None = None,
        offline: bool = False,
        most_pixels: int = MOST_PIXELS,
        notice: Callable[[str], None] = lambda text: None,
    ) -> Self:
        """The rewarder of what a user names. No model is loaded.

        Args:
            bench: such as ``visor``, or ``visor:all`` for one of its prompt subsets; without one
                it is the one that the benchmark has for rewards.
            detector: None for the benchmark's own.
            rule: whose score is the reward; None for the benchmark's choice.
            threshold: a box counts where its score is above it, 0 to 1; None for the rule's own.
            metadata: a file of prompts besides the benchmark's: one object per line.
            device: such as ``cuda``; None for the best there is.
            offline: take nothing from the network.
            most_pixels: of one image.
            notice: told which detector and rule are taken where none is given.

        Raises:
            UserError: an unknown name; a rule that needs more than boxes; a file that cannot be
                read.
        """
        benchmark, subset = choosing.benchmark_and_subset(bench)
        defaults = benchmark.rewards
        named_subset = name_and_rest("benchmark", bench)[1] if isinstance(bench, str) else None
        subset = subset if named_subset else defaults.subset or subset
        chosen = choosing.rule(benchmark, rule or defaults.rule, subset)
        if rule is None:
            notice(f"rule: {chosen.name}, the one {benchmark.name} has for rewards")
        named = [one for one in (defaults.official, defaults.strict) if one is not None]
        others = [choosing.rule(benchmark, one, subset) for one in named]
        device = chosen_device(device)
        plain = choosing.detector(
            detector, benchmark, subset, "", device, offline, prompts=(), notice=notice
        )
        return cls(
            benchmark,
            subset,
            plain,
            chosen,
            others=others,
            threshold=threshold,
            metadata=metadata,
            device=device,
            offline=offline,
            most_pixels=most_pixels,
        )

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of the rules that may be asked for, the one of the reward first."""
        return tuple(self._judgings)

    def load(self) -> None:
        """Load the detector and see that it is sound; to be called before any port opens.

        Raises:
            UserError: weights that are missing, a canary that answers otherwise than it did.
        """
        self._detector.load()

    def identity(self) -> dict[str, Any]:
        """What is served, as plain JSON: for ``/health``."""
        own = {} if self._metadata is None else {"metadata": self._metadata.name}
        return {
            "spatialbench": __version__,
            "benchmark": f"{self.benchmark.name}:{self.subset}",
            "benchmark_version": self.benchmark.version,
            "prompts": len(self._prompts.prompts),
            **own,
            "rule": self._judgings[self.rule].name,
            "threshold": self._judgings[self.rule].threshold,
            "rules": list(self.rules),
            "groups": list(self.groups),
            "detector": self._detector.detector.signature(),
        }

    def read(self, asked: Asked) -> Ready:
        """Find the prompt and decode the image.

        Raises:
            Refused: a prompt that is not known, one with names that the detector has no word for,
                an image that is none, or is too large.
        """
        prompt = self._prompts.find(asked)
        self._detector.require(self.benchmark.labels(prompt))
        try:
            return Ready(prompt, read_rgb(asked.image, FORMATS, self._most_pixels))
        except UnreadableImage as error:
            raise Refused(
                f"the image cannot be read ({error}): expected the bytes of a whole PNG, JPEG or "
                "WEBP file."
            ) from error

    def require_rules(self, rules: Iterable[str]) -> None:
        """Refuse a rule that is not offered.

        Raises:
            Refused: lists those that are.
        """
        unknown = [name for name in rules if name not in self._judgings]
        if unknown:
            raise Refused(
                f"the rule {unknown[0]!r} is not one of this server: expected one of "
                f"{', '.join(self.rules)}."
            )

    def reward(self, batch: Sequence[Ready], rules: Sequence[str] = ()) -> list[Reward | Refused]:
        """Look at every image once, and judge each by the rule of the reward and by others.

        Args:
            batch: images of any prompts and sizes.
            rules: names of further rules, of ``rules``.

        Returns:
            The reward of each image, or why it can never have one.

        Raises:
            Refused: a rule that is not offered.
            Exception: the detector fails, at one image or at all; nobody is rewarded.
        """
        self.require_rules(rules)
        labels = [self.benchmark.labels(ready.prompt) for ready in batch]
        needs_more = self.benchmark.needs_prepared_detector
        found = self._detector.look(batch, labels, [needs_more([r.prompt]) for r in batch])
        names = dict.fromkeys((self.rule, *rules))
        return [
            self._judged(ready.prompt, record, names)
            for ready, record in zip(batch, found, strict=True)
        ]

    def _judged(self, prompt: Prompt, record: BoxRecord, names: Iterable[str]) -> Reward | Refused:
        verdicts: dict[str, Verdict] = {}
        for name in names:
            try:
                verdict = self._judgings[name].verdict(prompt, record)
            except UserError as error:
                return Refused(str(error))
            if not verdict.facts.get("judged", True):
                return Refused(f"this image has no reward: {verdict.reason}.")
            if not math.isfinite(verdict.score):
                return Refused(
                    f"the rule {name} gave the score {verdict.score}: expected a number."
                )
            verdicts[name] = verdict
        chosen = verdicts[self.rule]
        return Reward(prompt.id, chosen, float(chosen.score), verdicts, prompt.task or None)

    def _offered(self, name: str | None) -> str:
        """One of the rules by name; the reward's own for None, and for one that is not offered."""
        return name if name in self._judgings else self.rule


def _require_boxes_alone(judging: Judging, prompts: Sequence[Prompt]) -> None:
    lacking = sorted(judging.kinds(prompts) - {*FOUND_WITH_BOXES})
    if lacking:
        raise UserError(
            f"{judging.name} needs {' and '.join(lacking)} of every image, and a reward server has "
            "only what its detector finds: give another --rule, or a subset (--bench NAME:SUBSET) "
            "whose prompts need none."
        )


def _require_judged(judging: Judging, prompts: Sequence[Prompt]) -> None:
    """Refuse a rule that says nothing of any of the prompts, or refuses one of them."""
    for prompt in prompts:
        nothing = BoxRecord(
            {"prompt_id": prompt.id, "index": 0, "width": 1, "height": 1}
            | {"boxes": [], "scores": [], "labels": []}
        )
        if judging.verdict(prompt, nothing).facts.get("judged", True):
            return
    raise UserError(
        f"{judging.name} says nothing of any of the {len(prompts):,} prompts, so that it could "
        "reward no image: give another --rule, or other prompts (--bench NAME:SUBSET)."
    )
