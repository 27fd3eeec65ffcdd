"""``geneval-official/1``: GenEval's conditions on the objects that were kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.plugins import Rule, Verdict
from spatialbench.prompts import Prompt

from .evaluation import COLOURED_TASKS, COUNTING, Evaluation, Found, Options, evaluate, keep_objects
from .names import COLOURS


class GenEvalRule(Rule):
    """The official rule, with the script's options.

    Options other than the defaults are part of its name, such as
    ``geneval-official/1+max_overlap:0.5``.

    Attributes:
        options: the script's.
        threshold: of all tasks but counting; of counting alone where it is bound to such prompts.
    """

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
        self.name = "".join(["geneval-official/1", *changed])

    def needs_of(self, prompt: Prompt) -> Sequence[str]:
        """Colours only where they are asked for."""
        return self.needs if prompt.task in COLOURED_TASKS else ("boxes",)

    def for_prompts(
        self, prompts: Sequence[Prompt], threshold: float | None, everywhere: bool = False
    ) -> GenEvalRule:
        """The rule for a set of prompts, some or all of which may be of counting.

        Where all are, the one threshold that is named is theirs: 0.9, unless another is given.
        Where some are, a threshold is that of the others, as in the script, unless it is to hold
        ``everywhere``; then the rule's name says so.
        """
        counting = [prompt.facts["metadata"]["tag"] == COUNTING for prompt in prompts]
        if not any(counting):
            return self
        if all(counting):
            options = self.options
            if threshold is not None:
                options = replace(options, counting_threshold=Options().counting_threshold)
            bound = GenEvalRule(options, one_threshold=True)
            bound.threshold = options.counting_threshold
            return bound
        if not everywhere or threshold is None:
            return self
        if self.options.counting_threshold != Options().counting_threshold:
            return self
        return GenEvalRule(replace(self.options, counting_threshold=threshold))

    def decides_at(self, prompt: Prompt, threshold: float) -> float:
        """The score that a box of this prompt's image must exceed."""
        return self._with(threshold).score_threshold(prompt.facts["metadata"])

    def judge(self, prompt: Prompt, detections: Detections, threshold: float) -> Verdict:
        """Judge one image.

        Args:
            prompt: a GenEval prompt.
            detections: boxes in pixels, y down, labelled with COCO's names or GenEval's. Prompts
                that name a colour need ``colors`` of the boxes they look at.
            threshold: of all tasks but counting, whose own stays 0.9 unless ``for_prompts`` bound
                it; exceeded in float32.

        Returns:
            ``score`` 1.0 or 0.0; where the image is wrong ``reason`` is the official one. The
            facts are ``found_all`` (every included object in its number) and ``kept`` (boxes of
            the prompt's classes that count).

        Raises:
            UserError: a colour that is asked for and was not looked at.
        """
        result = self.evaluate(prompt, detections, threshold)
        include = prompt.facts["metadata"]["include"]
        classes = {wanted["class"] for wanted in include}
        enough = (n >= w["count"] for n, w in zip(result.counts, include, strict=True))
        return Verdict(
            correct=result.correct,
            score=1.0 if result.correct else 0.0,
            reason=result.reason or _right(prompt, result),
            facts={
                "found_all": all(enough),
                "kept": sum(len(result.objects.get(name, ())) for name in classes),
            },
        )

    def evaluate(self, prompt: Prompt, detections: Detections, threshold: float) -> Evaluation:
        """What the official script says of an image, kept boxes included. See ``judge``."""
        metadata = prompt.facts["metadata"]
        options = self._with(threshold)
        colours = detections.colors

        def colour_of(found: Found) -> str:
            colour = colours[found.index] if colours is not None else None
            if colour not in COLOURS:
                raise UserError(_no_colour(prompt, detections.labels[found.index], colour))
            return colour

        return evaluate(keep_objects(detections, metadata, options), metadata, colour_of, options)

    def _with(self, threshold: float) -> Options:
        options = replace(self.options, threshold=threshold)
        return replace(options, counting_threshold=threshold) if self._one_threshold else options


def _right(prompt: Prompt, result: Evaluation) -> str:
    seen = [
        f"{name} ({', '.join(f'{one.score:.2f}' for one in found[:4])})"
        for name, found in result.objects.items()
        if name in prompt.objects
    ]
    return f"expected {prompt.text}; {' and '.join(seen)} found as asked"


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
