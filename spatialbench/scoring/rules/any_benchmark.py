"""What the rules for any benchmark share: which prompts they judge, names, depth maps, facts."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...detections import Detections
from ...errors import UserError, typed
from ...plugins import Benchmark, Rule, Verdict
from ...plugins.evidence import BOXES, MASKS, Evidence, Source
from ...plugins.evidence import DEPTH as DEPTH_MAPS
from ...prompts import Prompt, Triplet, asked_triplets
from .box_pairs import BoolArray
from .constraints import DEPTH, JUDGED, Constraint
from .depth_maps import DepthFolder, DepthSource, MaskSource, folder_of_run
from .object_depth import Depth
from .relation_checks import Found, RelationCheck, StandsFor, check_relations, same_name

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


def judged_triplets(prompt: Prompt) -> tuple[Triplet, ...]:
    """The relations that the rules look at: what the prompt asks for.

    A benchmark whose relations are between groups of objects tells methods of none, and the rules
    by ``facts["judged_triplets"]``.
    """
    told = prompt.facts.get("judged_triplets")
    return asked_triplets(prompt) if told is None else tuple(told)


def unjudged(prompt: Prompt) -> str | None:
    """Why the rules have nothing to say of a prompt; None where they do.

    They know left, right, above, below, in front of and behind.
    """
    triplets = judged_triplets(prompt)
    if not triplets:
        return "a prompt without a relation"
    return next((repr(t.relation.adverb) for t in triplets if t.relation not in JUDGED), None)


def in_depth(prompt: Prompt) -> bool:
    """Whether a prompt asks for in front of or behind."""
    return any(triplet.relation in DEPTH for triplet in judged_triplets(prompt))


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

    def checks(self, triplets: Sequence[Triplet], constraint: Constraint) -> list[RelationCheck]:
        """Each relation under a constraint; see ``check_relations``."""
        return check_relations(
            triplets,
            self.detections,
            self.threshold,
            constraint,
            depth=self.depth,
            masks=self.masks,
            stands_for=self.stands_for,
        )


@dataclass(slots=True)
class AnyBenchmarkRule(Rule):
    """A rule that needs the prompt's triplets, the boxes, and for depth a map.

    Attributes:
        name: with version and whatever is not the default, as ``esplora-r1/1+tau:2``.
        threshold: score a box must exceed, unless the user gives another.
        meaning: which labels mean which of a prompt's objects.
        depth: where the depth maps lie; None for nowhere.
    """

    needs = (BOXES, DEPTH_MAPS)
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

    def judge_evidence(self, prompt: Prompt, evidence: Evidence, threshold: float) -> Verdict:
        """Judge one image by its boxes; where depth is asked for, by its depth map and masks too.

        Args:
            prompt: any prompt. One the rule has nothing to say of (see :func:`unjudged`) is left
                out of the numbers: its fact ``judged`` is false.
            evidence: the depth map is read only where both objects were found.
            threshold: a box counts if its float32 score is strictly above float32(threshold).

        Raises:
            UserError: a relation of depth, both objects found, and no depth map.
        """
        masks = evidence.masks if in_depth(prompt) else None
        meaning = self.meaning(prompt)
        seen = Seen(evidence.boxes, threshold, meaning, lambda: evidence.depth, masks)
        return self._judged(prompt, seen)

    def needs_of(self, prompt: Prompt) -> Sequence[str]:
        """Depth only where it is asked for."""
        return self.needs if in_depth(prompt) else (BOXES,)

    def source(self, kind: str, run: Path | None) -> Source | None:
        """The depth maps, and the masks beside them; see ``Rule.source``."""
        if kind == MASKS:
            return MaskSource(self.depth) if self.depth else None
        if kind != DEPTH_MAPS:
            return None
        maps = self.depth
        if maps is None and run is not None:
            maps = folder_of_run(run, self.name.split("/")[0])
        if maps is None:
            command = f"'{typed('depth', 'RUN' if run is None else run)}'"
            raise UserError(
                f"{self.name} needs a depth map of each image whose prompt asks for in front of or "
                f"behind: type {command} to make those of a run whose images are there, or give "
                f"--rule {self.name.split('/')[0]}:depth=FOLDER with <prompt id>/<k>.png in it."
            )
        return DepthSource(maps, self.name, run)

    def _judged(self, prompt: Prompt, seen: Seen) -> Verdict:
        why = unjudged(prompt)
        if why is not None:
            return self.left_out(f"not judged: {self.name} says nothing of {why}")
        return self.answer(judged_triplets(prompt), seen)


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
