"""What the rules for any benchmark share: which prompts they judge, names, depth maps, facts."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...detections import Detections
from ...errors import UserError, typed
from ...plugins import Benchmark, ImageRequest, Rule, Verdict
from ...plugins.requirements import Requirement, required
from ...prompts import Prompt, Triplet
from ...runs.record_lines import IMAGE_HASH
from .box_pairs import BoolArray
from .constraints import DEPTH, JUDGED
from .depth_maps import DepthFolder
from .object_depth import Depth
from .relation_checks import Found, StandsFor, asked_triplets, same_name

PromptMeaning = Callable[[Prompt], StandsFor]
"""For a prompt, which labels can stand for which of its objects."""

Masks = Sequence[BoolArray | None]


def same_names(prompt: Prompt) -> StandsFor:
    """The meaning where the benchmark says nothing else: equal names."""
    return same_name


def meaning_of(benchmark: Benchmark) -> PromptMeaning:
    """A benchmark's own meaning, by its ``stands_for``."""
    stands_for = benchmark.stands_for
    return lambda prompt: lambda label, name: stands_for(prompt, label, name)


def unjudged(prompt: Prompt) -> str | None:
    """Why the rules have nothing to say of a prompt; None where they do.

    They know left, right, above, below, in front of and behind.
    """
    triplets = asked_triplets(prompt)
    if not triplets:
        return "a prompt without a relation"
    return next((repr(t.relation.adverb) for t in triplets if t.relation not in JUDGED), None)


def in_depth(prompt: Prompt) -> bool:
    """Whether a prompt asks for in front of or behind."""
    return any(triplet.relation in DEPTH for triplet in asked_triplets(prompt))


@dataclass(frozen=True, slots=True)
class Seen:
    """What a rule is given of one image.

    Attributes:
        detections: boxes in pixels, y down.
        threshold: a box counts if its float32 score is strictly above float32(threshold).
        stands_for: which labels mean which names.
        depth: gives the image's scaled depth map; called only where a relation needs it.
        masks: a mask or None for every box; None for no masks at all. See ``object_depth``.
    """

    detections: Detections
    threshold: float
    stands_for: StandsFor
    depth: Callable[[], Depth]
    masks: Masks | None


@dataclass(slots=True)
class AnyBenchmarkRule(Rule):
    """A rule that needs the prompt's triplets, the boxes, and for depth a map.

    Attributes:
        name: with version and whatever is not the default, as ``esplora-r1/1+tau:2``.
        threshold: score a box must exceed, unless the user gives another.
        meaning: which labels mean which of a prompt's objects.
        depth: where the depth maps lie; None for nowhere.
    """

    name: str
    threshold: float
    meaning: PromptMeaning = same_names
    depth: DepthFolder | None = None

    @abstractmethod
    def answer(self, triplets: Sequence[Triplet], seen: Seen) -> Verdict:
        """The verdict on relations the rule knows. See :meth:`judge`."""

    @abstractmethod
    def left_out(self, reason: str) -> Verdict:
        """The verdict on an image that does not count."""

    def judge(
        self,
        prompt: Prompt,
        detections: Detections,
        threshold: float,
        depth: Depth | None = None,
        masks: Masks | None = None,
    ) -> Verdict:
        """Judge one image.

        Args:
            prompt: any prompt. One the rule has nothing to say of (see :func:`unjudged`) is left
                out of the numbers: its fact ``judged`` is false.
            detections: boxes in pixels, y down.
            threshold: a box counts if its float32 score is strictly above float32(threshold).
            depth: the image's scaled depth map; for in front of and behind.
            masks: a mask or None for every box; see ``object_depth``.

        Raises:
            UserError: a relation of depth, both objects found, and no depth map.
        """

        def given() -> Depth:
            if depth is None:
                raise self._no_depth(prompt)
            return depth

        seen = Seen(detections, threshold, self.meaning(prompt), given, masks)
        return self._judged(prompt, seen)

    def judge_record(self, prompt: Prompt, record: Mapping[str, Any], threshold: float) -> Verdict:
        """Judge a stored record, with the depth map and the masks of its image."""
        detections, folder = Detections.from_record(record), self.depth
        if folder is None or not in_depth(prompt):
            return self.judge(prompt, detections, threshold)
        index = int(record["index"])

        size = detections.width, detections.height

        def stored() -> Depth:
            return folder.read(prompt.id, index, *size, record.get(IMAGE_HASH))

        masks = folder.read_masks(prompt.id, index, detections.boxes, *size)
        return self._judged(
            prompt, Seen(detections, threshold, self.meaning(prompt), stored, masks)
        )

    def requirements(self, requests: Sequence[ImageRequest], run: Path) -> list[Requirement]:
        """Depth maps of the images whose prompts ask for it; see ``plugins.requirements``."""
        wanted = [request for request in requests if in_depth(request.prompt)]
        if not wanted:
            return []

        def every_map() -> None:
            folder = self.depth
            if folder is None:
                raise self._no_depth(wanted[0].prompt, run)
            paths = [folder.map_path(request.prompt.id, request.index) for request in wanted]
            absent = [path for path in paths if not path.is_file()]
            if absent:
                raise UserError(
                    f"{self.name} needs a depth map of {len(wanted):,} images, and {len(absent):,} "
                    f"are missing, such as {absent[0]}: where the images are there, type "
                    f"'{typed('depth', run)}'."
                )

        return [required("depth maps", every_map)]

    def inputs(self) -> str:
        """What else than the detections decides the verdicts: the folder of depth maps."""
        return self.depth.state() if self.depth else ""

    def _judged(self, prompt: Prompt, seen: Seen) -> Verdict:
        why = unjudged(prompt)
        if why is not None:
            return self.left_out(f"not judged: {self.name} says nothing of {why}")
        return self.answer(asked_triplets(prompt), seen)

    def _no_depth(self, prompt: Prompt, run: Path | None = None) -> UserError:
        command = f"'{typed('depth', 'RUN' if run is None else run)}'"
        return UserError(
            f"{self.name} needs a depth map for {prompt.text!r}: type {command} to make those of a "
            f"run whose images are there, or give --rule {self.name.split('/')[0]}:depth=FOLDER "
            "with <prompt id>/<k>.png in it."
        )


def pair_facts(pairs: Sequence[tuple[Found, Found]]) -> Mapping[str, bool | int | float]:
    """``judged``, ``found_all``; ``found_x``, ``n_x``, ``conf_x`` of the first relation's objects.

    Args:
        pairs: subject and object of each relation; none where the image is not judged.
    """
    a, b = pairs[0] if pairs else (Found("", (), ()), Found("", (), ()))
    return {
        "judged": bool(pairs),
        "found_all": bool(pairs) and all(len(one) > 0 for pair in pairs for one in pair),
        "found_a": len(a) > 0,
        "found_b": len(b) > 0,
        "n_a": len(a),
        "n_b": len(b),
        "conf_a": a.best,
        "conf_b": b.best,
    }
