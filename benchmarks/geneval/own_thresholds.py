"""What GenEval's rules share: which boxes count, with a threshold of their own for counting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import ClassVar, Self

from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.plugins import Rule
from spatialbench.prompts import Prompt

from .evaluation import COUNTING, ColourOf, Found, Metadata, Options, keep_objects
from .names import COLOURS


class KeptBoxesRule(Rule):
    """A rule on the boxes that GenEval keeps, with the script's options.

    Options other than the defaults are part of its name, such as
    ``geneval-official/1+max_overlap:0.5``.

    Attributes:
        options: the script's.
        threshold: of all tasks but counting; of counting alone where it is bound to such prompts.
    """

    plain_name: ClassVar[str]
    """The name with the script's own options."""
    needs = ("boxes", "colours")
    threshold_option = "counting_threshold"
    """The option by which counting's own threshold is set."""

    def __init__(self, options: Options | None = None, *, one_threshold: bool = False) -> None:
        self.options = options or Options()
        self._one_threshold = one_threshold
        self.threshold = self.options.threshold
        changed = [
            f"+{field.name}:{getattr(self.options, field.name):g}"
            for field in fields(Options)
            if field.name != "threshold"
            and getattr(self.options, field.name) != getattr(Options(), field.name)
        ]
        self.name = "".join([self.plain_name, *changed])

    def needs_of(self, prompt: Prompt) -> Sequence[str]:
        """Colours only where they are asked for."""
        return self.needs if asks_for_colours(prompt) else ("boxes",)

    def for_prompts(
        self, prompts: Sequence[Prompt], threshold: float | None, everywhere: bool = False
    ) -> Self:
        """The rule for a set of prompts, some or all of which may be of counting.

        Where all are, the one threshold that is named is theirs: 0.9, unless another is given.
        Where some are, a threshold is that of the others, as in the script, unless it is to hold
        ``everywhere``; then the rule's name says so.
        """
        counting = [metadata_of(prompt)["tag"] == COUNTING for prompt in prompts]
        if not any(counting):
            return self
        if all(counting):
            options = self.options
            if threshold is not None:
                options = replace(options, counting_threshold=Options().counting_threshold)
            bound = type(self)(options, one_threshold=True)
            bound.threshold = options.counting_threshold
            return bound
        if not everywhere or threshold is None:
            return self
        if self.options.counting_threshold != Options().counting_threshold:
            return self
        return type(self)(replace(self.options, counting_threshold=threshold))

    def decides_at(self, prompt: Prompt, threshold: float) -> float:
        """The score that a box of this prompt's image must exceed."""
        return self._with(threshold).score_threshold(metadata_of(prompt))

    def _kept(
        self, prompt: Prompt, detections: Detections, threshold: float
    ) -> dict[str, list[Found]]:
        """The boxes that count, by GenEval's class name, best first."""
        return keep_objects(detections, metadata_of(prompt), self._with(threshold))

    def _with(self, threshold: float) -> Options:
        options = replace(self.options, threshold=threshold)
        return replace(options, counting_threshold=threshold) if self._one_threshold else options


def metadata_of(prompt: Prompt) -> Metadata:
    """The prompt's record: what it includes and excludes.

    Raises:
        UserError: a prompt of another benchmark, which has none.
    """
    metadata: Metadata | None = prompt.facts.get("metadata")
    if metadata is None:
        raise UserError(
            f"the prompt {prompt.text!r} has no GenEval metadata (tag, include, exclude), by which "
            "alone GenEval's rules judge: give another --rule."
        )
    return metadata


def asks_for_colours(prompt: Prompt) -> bool:
    """Whether an included object has a colour."""
    return any(wanted.get("color") is not None for wanted in included(metadata_of(prompt)))


def included(metadata: Metadata) -> Sequence[Metadata]:
    """The objects that must be there; none where the record has no such list."""
    listed: Sequence[Metadata] = metadata.get("include", ())
    return listed


def colours_of(prompt: Prompt, detections: Detections) -> ColourOf:
    """What gives the colour of a found object.

    It raises a UserError where that colour was not looked at, or is none of the ten.
    """
    colours = detections.colors

    def colour_of(found: Found) -> str:
        colour = colours[found.index] if colours is not None else None
        if colour not in COLOURS:
            raise UserError(_no_colour(prompt, detections.labels[found.index], colour))
        return colour

    return colour_of


def what_was_seen(prompt: Prompt, objects: dict[str, list[Found]]) -> str:
    """The sentence about an image that is as asked."""
    seen = [
        f"{name} ({', '.join(f'{one.score:.2f}' for one in found[:4])})"
        for name, found in objects.items()
        if name in prompt.objects
    ]
    return f"expected {prompt.text}; {' and '.join(seen) or 'nothing'} found as asked"


def kept_of_asked(prompt: Prompt, objects: dict[str, list[Found]]) -> int:
    """How many boxes of the included classes count."""
    classes = {wanted["class"] for wanted in included(metadata_of(prompt))}
    return sum(len(objects.get(name, ())) for name in classes)


def beyond_asked(prompt: Prompt, objects: dict[str, list[Found]]) -> int:
    """How many boxes of the included classes count beyond the number that is asked for."""
    asked: Counter[str] = Counter()
    for wanted in included(metadata_of(prompt)):
        asked[wanted["class"]] += wanted["count"]
    return sum(max(len(objects.get(name, ())) - number, 0) for name, number in asked.items())


def _no_colour(prompt: Prompt, label: str, colour: str | None) -> str:
    if colour is not None:
        return (
            f"{prompt.text!r} asks for a colour, and the {label} has the colour {colour!r}: "
            f"expected one of {', '.join(COLOURS)}."
        )
    return (
        f"{prompt.text!r} asks for a colour, and the detections hold none for the {label}: detect "
        "with a subset that has colours (--bench geneval:all), or give every record a list "
        "'colors'."
    )
