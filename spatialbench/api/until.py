"""``--until``: a run that goes on over the fixed shuffle until an interval is narrow enough."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import inf, sqrt
from typing import TYPE_CHECKING, Any

from ..errors import UserError, unknown_name
from ..executors.ray_cluster import one_cluster
from ..files.shown_text import counted
from ..runs.until import FIRST, Looks, Until, half_width

if TYPE_CHECKING:
    from ..plugins import Metric
    from ..runs.expected import Expected
    from ..runs.opening import Run
    from ..scoring.summary import Summary
    from .evaluation import Evaluation

RATE, CORRELATION = 0.5, 0.3
"""What is taken for a share, and for how alike the images of a prompt are, before any is seen."""


def seeds_for(given: str | None, until: str | None, images_per_prompt: int | None) -> str:
    """The seed scheme: the benchmark's own where nobody says, but hashed for one image per prompt.

    With one image per prompt a benchmark's seeds can be one and the same for all, which is one draw
    of noise and not many: an interval over it would say too much.
    """
    if given is not None:
        return given
    return "hashed" if until is not None and images_per_prompt == 1 else "protocol"


@one_cluster()
def run(asked: Evaluation, *, meanwhile: str = "") -> tuple[Run, Summary | None]:
    """As ``Evaluation.run``; with ``until`` in looks at more and more prompts.

    Each look is the run of so many prompts, and which looks there are follows from what the images
    show: the same command after an interruption takes the same looks and stops at the same image.

    Raises:
        UserError: before the first image an aim that cannot be met, or that a shard cannot decide.
    """
    if asked.until is None:
        return asked.run(meanwhile=meanwhile)
    until, whole = Until.parse(asked.until), len(asked.expected.prompts)
    check(asked)
    looks = Looks(until, whole)
    asked.progress.notice(
        f"until {until.shown}: looks from {counted(looks.prompts, 'prompt')} on, of {whole:,} at "
        "most"
    )
    while True:
        # The same method, so that its models are loaded once. What looks at the images is not kept:
        # the next look's images would be made beside it in the same memory.
        look = replace(asked, limit=looks.prompts, until=str(until), configured=asked.method)
        opened, summary = look.run()
        assert summary is not None
        half = half_width(*summary.interval(until.metric))
        asked.progress.notice(
            f"look at {counted(looks.prompts, 'prompt')}, {counted(summary.images, 'image')}: "
            f"{until.metric} ±{half:.2f}"
        )
        if summary.partial or not looks.go_on(half):
            return opened, summary


def notes(asked: Evaluation) -> list[str]:
    """For a plan: about how many images the aim takes, and the design that takes fewest."""
    from ..reports.designs import Assumptions, designs

    if asked.until is None:
        return []
    check(asked)
    until, expected = Until.parse(asked.until), asked.expected
    assumed = Assumptions(RATE, expected.images_per_prompt, CORRELATION, 0.0)
    (found,) = designs(assumed, half=until.reach, whole=len(expected.prompts), stopping=True)
    own = next(one for one in found.found if f"prompt {expected.images_per_prompt}" in one.how)
    return [
        f"until {until.shown}: about {own.expected:,} of these images for a share near 50 %, at "
        f"most {own.images:,} in 95 of 100 runs, fewer for one near 0 or 100 %; {found.sentence()}"
    ]


def check(asked: Evaluation) -> None:
    """Refuse what can be known before the first image.

    Raises:
        UserError: a shard; an unknown metric, or one that so many images per prompt leave
            undefined; one seed for all images; an interval narrower than all prompts can give.
    """
    assert asked.until is not None
    until, expected = Until.parse(asked.until), asked.expected
    if not asked.shard.whole:
        raise UserError(
            "--until decides over all images, and a shard sees only its own: leave --shard out; "
            "--executor ray shares the work."
        )
    metric = _metric(asked, until)
    table = _all_right(expected)
    why = metric.why_undefined(table)
    if why is not None:
        raise UserError(f"--until {until.shown}: that metric is undefined here ({why}).")
    _refuse_one_seed(expected)
    best = 100 * _least_error(metric, table) * 1.959964
    if best > until.reach:
        raise UserError(
            f"--until {until.shown} is narrower than all {len(expected.prompts):,} prompts with "
            f"{counted(expected.images_per_prompt, 'image')} each can give, which is about "
            f"±{best:.1f} for a share near 50 %: ask for --until "
            f"'{until.metric}+-{_rounded(best)}' or a wider one{_more(asked)}, or leave "
            "--until out to make them all."
        )


def _more(asked: Evaluation) -> str:
    return "" if asked.limit is None else ", give a larger --limit"


def _rounded(best: float) -> str:
    """The next tenth above."""
    return f"{int(best * 10 + 1) / 10:g}"


def _metric(asked: Evaluation, until: Until) -> Metric:
    from ..scoring.rules.catalogue import metrics_of

    known = {m.key: m for m in metrics_of(asked.spec.benchmark, asked.judging.name)}
    if until.metric not in known:
        raise unknown_name("metric in --until", until.metric, known)
    return known[until.metric]


def _refuse_one_seed(expected: Expected) -> None:
    """Refuse images that are all made from one seed."""
    few = expected.prompts[:FIRST]
    seeds = {expected.request((prompt.id, 0)).seed for prompt in few}
    if expected.images_per_prompt == 1 and len(few) > 1 and len(seeds) == 1:
        raise UserError(
            f"with one image per prompt the seeds {expected.seeds} give every image the seed "
            f"{seeds.pop()}: an interval over one draw of noise says too much. Leave --seed-scheme "
            "out, or give --seed-scheme hashed."
        )


class _Ones(Mapping[str, Any]):
    """Every column, of an image that is right."""

    def __init__(self, rows: int) -> None:
        import numpy as np

        self._ones = np.ones(rows, dtype=bool)

    def __getitem__(self, name: str) -> Any:
        return self._ones

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _all_right(expected: Expected) -> Any:
    """The verdicts of a run whose every image is right: it says what metrics count over."""
    import numpy as np

    from ..plugins import ScoreTable

    images, prompts = expected.images_per_prompt, len(expected.prompts)
    rows = np.repeat(np.arange(prompts), images)
    return ScoreTable(expected.prompts, rows, np.tile(np.arange(images), prompts), _Ones(len(rows)))


def _least_error(metric: Metric, table: Any) -> float:
    """Standard error of a share near 50 % that counts over all of this; 0 if nothing is known."""
    from ..statistics.power import kish

    found = metric.ratio(table)
    if found is None:
        return 0.0
    squares = 0.0
    for part in found.parts:
        counted = part.denominator[part.denominator > 0]
        if not len(counted):
            return inf
        each = float(counted.mean())
        squares += RATE * (1 - RATE) * kish(each, CORRELATION) / (len(counted) * each)
    return sqrt(squares) / len(found.parts)
