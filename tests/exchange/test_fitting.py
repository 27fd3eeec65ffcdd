"""Finding the layout and the options that would fit, also of a whole benchmark, in few tries."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from spatialbench.exchange import fitting
from spatialbench.exchange.fitting import Fit, advice, fitting_layout
from spatialbench.exchange.sources import Source
from spatialbench.runs.expected import Expected, expect
from spatialbench.runs.seeds import SeedScheme
from spatialbench.runs.selection import Selection

from ..stages.fakes import Shapes

SHAPES = Shapes(count=300, images=4)


@pytest.fixture(scope="module")
def whole() -> Expected:
    return expect(SHAPES, "all", Selection(), SeedScheme(known=False))


def source(names: Iterable[str]) -> Source:
    return Source(Path("theirs"), tuple(sorted(names)), 0, lambda name: b"")


def images(whole: Expected, count: int) -> list[str]:
    return [f"{prompt.id}_{k}.png" for prompt in whole.all_prompts for k in range(count)]


def test_a_whole_benchmark_takes_few_tries(
    whole: Expected, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 101,120 names every try takes seconds."""
    tries: list[str] = []
    of = Fit.of

    def counted(name: str, *others: object) -> Fit | None:
        tries.append(name)
        return of(name, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(fitting.Fit, "of", counted)
    names = images(whole, 4)
    assert fitting_layout(source(names), whole) == "id"
    assert advice(source(names[:-3]), "id", whole) is None
    assert str(advice(source(images(whole, 2)), "id", whole)) == "add --images-per-prompt 2"
    assert len(tries) <= 14


def test_options_that_stand_in_the_way_are_named(whole: Expected) -> None:
    part = expect(SHAPES, "all", Selection(limit=5), SeedScheme(known=False))
    names = [f"{prompt.id}_{k}.png" for prompt in whole.prompts[:8] for k in range(4)]
    assert str(advice(source(names), "id", part)) == "add --limit 8"
    found = advice(source(images(whole, 4)), "id", part)
    assert str(found) == "leave out --limit"
