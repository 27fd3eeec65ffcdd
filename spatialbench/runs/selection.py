"""Which prompts of a subset a command works on, and in which order."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from typing import ClassVar

from ..errors import UserError, unknown_name
from ..prompts import Prompt
from ..relations import Relation

_SHUFFLE = "spatialbench/run-order/1"
_SIGNED_NAMES = 8


@dataclass(frozen=True, slots=True)
class Selection:
    """The part of a subset to make; it decides no pixel and stays out of the identity.

    Attributes:
        limit: at most this many prompts; None for all.
        only: task names, relation names or prompt ids; empty for all.
        images_per_prompt: None for the benchmark's own number.
        known_names: only prompts whose every name stands here: by name, what the detector calls
            such an object; None for all prompts.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    limit: int | None = None
    only: tuple[str, ...] = ()
    images_per_prompt: int | None = None
    known_names: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        for option, value in (
            ("--limit", self.limit),
            ("--images-per-prompt", self.images_per_prompt),
        ):
            if value is not None and value < 1:
                raise UserError(
                    f"{option} {value} selects no image: give a whole number of at least 1, or "
                    f"leave {option} out for all of them."
                )

    @property
    def signed_only(self) -> tuple[str, ...]:
        """``only`` as a signature can carry it: a long list of ids as their number and a hash."""
        if len(self.only) <= _SIGNED_NAMES:
            return self.only
        digest = hashlib.sha256("\n".join(sorted(self.only)).encode()).hexdigest()
        return (f"{len(self.only)}-names@{digest[:7]}",)

    @property
    def signed_names(self) -> str | None:
        """``known_names`` in a signature: their number and a hash, ``20@1a2b3c4``."""
        if self.known_names is None:
            return None
        told = "\n".join(f"{name}={self.known_names[name]}" for name in sorted(self.known_names))
        return f"{len(self.known_names)}@{hashlib.sha256(told.encode()).hexdigest()[:7]}"

    def knows(self, names: Iterable[str]) -> bool:
        """Whether the detector tells objects of these names, all of a prompt, from each other."""
        known, asked = self.known_names, set(names)
        if known is None:
            return True
        return asked <= known.keys() and len({known[name] for name in asked}) == len(asked)

    @classmethod
    def parse_only(cls, given: str | Sequence[str] | None) -> tuple[str, ...]:
        """Split ``left,right`` at the commas; None and empty parts give nothing.

        A list is taken as it is.
        """
        if given is not None and not isinstance(given, str):
            return tuple(given)
        return tuple(part.strip() for part in (given or "").split(",") if part.strip())


def run_order(prompts: Iterable[Prompt]) -> list[Prompt]:
    """One fixed shuffle, balanced over ``Prompt.task``.

    Within a task prompts are ordered by a hash of their id; the tasks, in the order of their
    names, then take turns, so that the first N prompts hold every task equally often (give or
    take one) until a task has run out. The order does not depend on the order given.
    """
    if prompts is _ordered[0]:
        return list(_ordered[1])
    tasks: dict[str, list[Prompt]] = defaultdict(list)
    for prompt in prompts:
        tasks[prompt.task].append(prompt)
    for members in tasks.values():
        members.sort(key=lambda prompt: _shuffled(prompt.id))
    turns = zip_longest(*(tasks[task] for task in sorted(tasks)))
    found = tuple(prompt for turn in turns for prompt in turn if prompt is not None)
    if isinstance(prompts, tuple):
        _ordered[:] = prompts, found
    return list(found)


_ordered: list[tuple[Prompt, ...]] = [(), ()]
"""A whole set, which the runs of a table share, and its order: a tuple stays what it is."""


def select(
    prompts: Sequence[Prompt],
    selection: Selection,
    names: Callable[[Prompt], Iterable[str]] = lambda prompt: prompt.objects,
) -> list[Prompt]:
    """The selected prompts in run order; a larger limit contains a smaller one, in its order.

    Args:
        names: what a detector is asked for in the images of a prompt.

    Raises:
        UserError: a name in ``only`` that is no task, relation or prompt id of these prompts; no
            prompt whose names are known.
    """
    chosen = _only(prompts, selection.only) if selection.only else prompts
    if selection.known_names is not None:
        known = [prompt for prompt in chosen if selection.knows(names(prompt))]
        if not known:
            raise UserError(
                f"the detector knows the names of none of the {len(chosen):,} prompts: give "
                "another --detector."
            )
        chosen = known
    return run_order(chosen)[: selection.limit]


@cache
def _shuffled(prompt_id: str) -> bytes:
    """Kept, for a table of many runs orders the same prompts for each."""
    return hashlib.sha256(f"{_SHUFFLE}\0{prompt_id}".encode()).digest()


@cache
def _names(task: str, relation: Relation | None) -> frozenset[str]:
    return frozenset({task} if relation is None else {task, relation.value})


def _only(prompts: Sequence[Prompt], terms: Sequence[str]) -> list[Prompt]:
    named = [_names(p.task, p.triplet.relation if p.triplet else None) for p in prompts]
    names: set[str] = set().union(*set(named))
    known = names | {prompt.id for prompt in prompts}
    for term in terms:
        if term not in known:
            raise UserError(
                f"{unknown_name('task or relation in --only', term, names)} "
                "The id of a prompt of this subset can stand there too."
            )
    wanted = set(terms)
    groups = {one for one in set(named) if one & wanted}
    return [p for p, own in zip(prompts, named, strict=True) if p.id in wanted or own in groups]
