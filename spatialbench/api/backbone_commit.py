"""Which commit of a backbone a command means that names none: that of the run it began, else the
newest."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..plugins import MethodPlugin

if TYPE_CHECKING:
    from ..backbones.named import Chosen
    from ..runs.opening import RunSpec
    from .evaluation import Evaluation


def chosen(asked: Evaluation, found: object) -> Chosen:
    """The backbone of a named method, at a commit; of a function it is only a word.

    Args:
        found: what is evaluated, see ``what.object_of``.
    """
    from ..backbones.named import Chosen, choose

    name = asked.backbone or "lab"
    return choose(name, offline=asked.offline) if isinstance(found, MethodPlugin) else Chosen(name)


def settled(asked: Evaluation, spec: RunSpec, backbone: Chosen) -> RunSpec:
    """What is evaluated, at the commit of the run that the same command began; says which it is.

    Args:
        spec: with the newest commit.
    """
    from ..runs.begun import begun_commit

    spec = replace(spec, resolved=backbone.moving)
    begun = begun_commit(spec, asked.out)
    if begun is not None:
        asked.progress.notice(backbone.moved_on(begun))
        again = replace(asked, backbone=backbone.at(begun).name, configured=None)
        return replace(again.spec, resolved=backbone.moving)
    if backbone.told:
        asked.progress.notice(backbone.told)
    return spec
