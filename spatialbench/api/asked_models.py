"""From what a user names to the judges that are asked, and to the model that makes depth maps."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from .. import plugins
from ..errors import UserError
from ..plugins import Benchmark, Judge, JudgePlugin, Rule
from ..plugins.evidence import ANSWERS, OF_JUDGES, SEEN
from .choosing import configured_model

if TYPE_CHECKING:
    from ..stages.depth_model import DepthModel

Judges = str | Judge | JudgePlugin | Sequence[str | Judge | JudgePlugin] | None
"""What names judges: one, or several that give different kinds of evidence; None for nobody."""


def judges(
    given: Judges,
    benchmark: Benchmark,
    rule: str,
    kinds: Collection[str],
    device: str,
    offline: bool,
    *,
    alone: bool = False,
) -> list[Judge]:
    """The judges meant: for each kind of evidence the one named, else the benchmark's own.

    Args:
        given: one, several of different kinds, or None.
        rule: the name of the rule that needs their answers.
        kinds: what the rule needs.
        alone: none besides those named, where any is.

    Raises:
        UserError: none is named and the benchmark has none, an unknown name, or one that gives
            what the rule does not need, or another of those named gives.
    """
    named = [] if given is None else list(given) if isinstance(given, list | tuple) else [given]
    made: dict[str, Judge] = {}
    for one in named:
        judge: Judge = configured_model("judge", one, device, offline)
        if judge.gives not in kinds:
            wanted = " and ".join(kind for kind in OF_JUDGES if kind in kinds)
            raise UserError(
                f"{rule} judges by {wanted}, and the judge {judge.signature()} gives "
                f"{judge.gives}: give another --judge, or leave it out."
            )
        if judge.gives in made:
            raise UserError(
                f"two judges are named for {judge.gives} ({made[judge.gives].signature()} and "
                f"{judge.signature()}): give one --judge."
            )
        made[judge.gives] = judge
    for kind in OF_JUDGES:
        if kind in kinds and kind not in made and not (alone and named):
            own = benchmark.judge if kind == ANSWERS else benchmark.similarity_judge
            if own is None:
                known = ", ".join(plugins.names("judge")) or "none is installed"
                raise UserError(
                    f"{rule} judges by a judge's {SEEN[kind].what}: give --judge NAME, or "
                    f"path/to/file.py:NAME (known names: {known})."
                )
            made[kind] = configured_model("judge", own, device, offline)
    return [made[kind] for kind in OF_JUDGES if kind in made]


def depth_model(
    given: str | DepthModel | None, rule: Rule, device: str, offline: bool
) -> DepthModel | None:
    """What makes the depth maps that a rule lacks; None where it takes those that are there.

    Args:
        given: ``NAME``, ``NAME:WEIGHTS`` or a model; None for the rule's own.

    Raises:
        UserError: an unknown name, or weights that the model does not take.
    """
    from ..stages.depth_model import named_model

    if given is not None and not isinstance(given, str):
        return given
    named = rule.depth_model(given)
    return None if named is None else named_model(named, device, offline)
