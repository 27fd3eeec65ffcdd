"""Which layout a source is in, and which options would make one fit that nearly does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from ..errors import UserError
from ..plugins.layout import FLAT, Extra, Layout, Names
from ..prompts import Key
from ..runs.expected import Expected, expect
from ..runs.selection import Selection, run_order
from .layouts import OF_NO_BENCHMARK, layouts, names_of, place
from .listed import ListLayout
from .sources import Source

_COUNTS = (1, 2, 4, 5, 8, 10, 16, 20)
"""Images per prompt that papers report, besides those that a folder suggests."""
_MANY = 20_000
"""Files for which fewer guesses are tried, because every try takes seconds."""
_MOST_NAMED = 60
"""Prompt ids that an option still names one by one."""


@dataclass(frozen=True)
class Fit:
    """What a layout makes of a source, by the names alone.

    Attributes:
        indices: how many files there are of each image, by prompt id and index.
        problems: files and entries with a sentence in place of an image.
    """

    layout: str
    indices: Mapping[str, Counter[int]]
    problems: int

    @classmethod
    def of(cls, name: str, layout: Layout, source: Source, names: Names) -> Fit | None:
        """None for a layout that cannot be read there."""
        try:
            placed = place(layout, source, names)
        except UserError:
            return None
        indices: dict[str, Counter[int]] = {}
        for where in placed.values():
            if isinstance(where, tuple):
                indices.setdefault(where[0], Counter())[where[1]] += 1
        return cls(name, indices, sum(isinstance(w, str | Extra) for w in placed.values()))

    def matched(self, keys: Sequence[Key]) -> int:
        """How many of these images have exactly one file."""
        none: Counter[int] = Counter()
        return sum(self.indices.get(prompt_id, none)[index] == 1 for prompt_id, index in keys)

    def whole(self, count: int) -> bool:
        """Whether it finds nothing but prompts with all of so many images."""
        every = dict.fromkeys(range(count), 1)
        return (
            not self.problems
            and bool(self.indices)
            and all(dict(found) == every for found in self.indices.values())
        )


@dataclass(frozen=True)
class Advice:
    """Options of ``import`` under which a source would be complete and clean.

    Attributes:
        options: to add to what was typed; a later one counts.
        without: options to leave out.
    """

    options: Sequence[str] = ()
    without: Sequence[str] = field(default=())

    def __str__(self) -> str:
        parts = [f"add {' '.join(self.options)}"] if self.options else []
        parts += [f"leave out {' and '.join(self.without)}"] if self.without else []
        return " and ".join(parts)


def fitting_layout(source: Source, expected: Expected) -> str:
    """The layout a source is in.

    A list says it in so many words. The benchmark's own come next, because their numbers may mean
    something else to others, and then the one by which most expected images are there.

    Where no prompt of the subset is found, another subset's prompts may be; see ``advice``.

    Raises:
        UserError: none finds any prompt of the benchmark.
    """
    known = layouts()
    others = _other_subsets(expected) if len(source.names) < _MANY else ()
    for other in chain([expected], others):
        if chosen := _fitting(source, other, known):
            return chosen
    raise UserError(
        f"nothing says which image of {expected.benchmark.name} each file of {source.path} is: "
        "see 'spatialbench list layouts', and say which --layout and --bench are meant."
    )


def _fitting(source: Source, expected: Expected, known: Mapping[str, Layout]) -> str | None:
    names, keys = names_of(expected), expected.keys()
    own = expected.benchmark.layouts
    lists = [name for name, layout in known.items() if isinstance(layout, ListLayout)]
    for group in ([FLAT, *lists], own, dict.fromkeys([*OF_NO_BENCHMARK, *known])):
        best = (0, 0)
        chosen = ""
        for name in group:
            fit = Fit.of(name, known[name], source, names)
            if fit is not None and (value := (fit.matched(keys), len(fit.indices))) > best:
                best, chosen = value, name
        if chosen:
            return chosen
    return None


def advice(source: Source, layout: str, expected: Expected) -> Advice | None:
    """What to type instead where a source does not fit; None where nothing makes it fit.

    Tried are other numbers of images, other prompt sets of the benchmark, and other layouts.
    """
    known = layouts()
    for other, chosen in _trials(layout, expected, known):
        names = names_of(other)
        first = Fit.of(chosen, known[chosen], source, names)
        if first is None or not first.indices:
            continue
        for count in _counts(first, expected.images_per_prompt, len(source.names)):
            fit = first
            if first.problems:
                fit = Fit.of(chosen, known[chosen], source, names.of_count(count)) or first
            if fit.whole(count):
                found = _advice(fit, count, layout, other, expected)
                if found is not None:
                    return found
        if chosen == layout and not first.problems:
            return None  # Every file is an image; some prompts lack others.
    return None


def _trials(
    layout: str, expected: Expected, known: Mapping[str, Layout]
) -> Iterator[tuple[Expected, str]]:
    yield expected, layout
    for other in _other_subsets(expected):
        yield other, layout
    for name, one in known.items():
        if one is not known[layout]:
            yield expected, name


def _other_subsets(expected: Expected) -> Iterator[Expected]:
    for subset in expected.benchmark.subsets:
        if subset != expected.subset:
            try:
                yield expect(expected.benchmark, subset, Selection(), expected.seeds)
            except UserError:  # Its prompts are not here.
                continue


def _counts(fit: Fit, asked: int, files: int) -> list[int]:
    """Numbers of images per prompt that may be meant; a layout may find others by others only."""
    there = Counter(len(found) for found in fit.indices.values())
    usual = [asked, *(count for count, _ in there.most_common(2))]
    return list(dict.fromkeys([*usual, *(_COUNTS if fit.problems and files < _MANY else ())]))


def _advice(
    fit: Fit, count: int, layout: str, trial: Expected, expected: Expected
) -> Advice | None:
    options: list[str] = []
    if trial.subset != expected.subset:
        options += ["--bench", f"{trial.benchmark.name}:{trial.benchmark.typed(trial.subset)}"]
    if fit.layout != layout:
        options += ["--layout", fit.layout]
    if count != expected.images_per_prompt:
        options += ["--images-per-prompt", str(count)]
    found = set(fit.indices)
    asked = expected.selection
    typed = [name for name, value in (("--limit", asked.limit), ("--only", asked.only)) if value]
    if trial.subset == expected.subset and found == set(expected.by_id):
        return Advice(options)
    narrow = _narrowing(found, trial)
    if narrow is None:
        return None
    without = [name for name in typed if name not in narrow]
    return Advice([*options, *narrow], without)


def _narrowing(found: set[str], trial: Expected) -> list[str] | None:
    """Options that select exactly these prompts of a subset; None where there are too many."""
    every = run_order(trial.all_prompts)
    if len(found) == len(every):
        return []
    if {prompt.id for prompt in every[: len(found)]} == found:
        return ["--limit", str(len(found))]
    tasks = {prompt.task for prompt in every if prompt.id in found}
    if {prompt.id for prompt in every if prompt.task in tasks} == found:
        return ["--only", ",".join(sorted(tasks))]
    if len(found) > _MOST_NAMED:
        return None
    return ["--only", ",".join(sorted(found))]
