"""The methods under the name InfSplign: what the authors released, and the corrected one.

Source: their code at 011f3398. The corrected method differs from it in the tokens it reads
(``official_tokens`` says how theirs go wrong) and in what it does for "near".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ...plugins import Ability

NEAR = ("none", "apart", "sides")
"""What acts on the symmetric relations (near, next to, on side of).

``none``: no spatial term; presence and balance act alone. Two objects side by side at any distance
pass T2I-CompBench's rule, and pulling them together loses objects. ``apart``: the authors' form,
the displacement is ``|xA - xB|``, so the pair is pushed apart until the margin is reached.
``sides``: the thesis' code, near and on side of as left, next to as right.
"""


@dataclass(frozen=True, slots=True)
class Variant:
    """What tells one of the methods from another.

    Attributes:
        name: the method's name in an identity.
        version: raised whenever the same settings would give other pixels.
        released: whether tokens, empty maps and relations in depth are treated as in the authors'
            code.
        near: one of ``NEAR``, unless a preset or the user says otherwise.
        marks: what a table must say of its rows.
        names_compat: whether its identity says ``compat``, and ``near`` only where it is not the
            default, as the identities of 0.1 did.
        needs: see :class:`~spatialbench.plugins.MethodPlugin`.
    """

    name: str
    version: int
    released: bool
    near: str
    marks: tuple[str, ...] = ()
    names_compat: bool = False
    needs: Collection[Ability] = (Ability.CROSS_ATTENTION, Ability.JOINT_ATTENTION)


CORRECTED = Variant("infsplign", 2, False, "none", ("corrected",))
RELEASED = Variant("infsplign-released", 1, True, "apart", needs=(Ability.CROSS_ATTENTION,))
JOINT = Variant("infsplign", 1, False, "none", ("reconstruction",))
"""``infsplign`` on a transformer, which no paper describes."""
COMPAT = Variant("infsplign", 1, True, "apart", names_compat=True)
"""``infsplign`` with ``compat=official``: the pixels of ``infsplign-released`` under the identity
they had in 0.1, so that runs begun with it go on."""


def marks_of(parameters: Mapping[str, str]) -> tuple[str, ...]:
    """The marks of a run of ``infsplign`` whose identity says none, as those of 0.1.

    Args:
        parameters: what its signature shows.
    """
    return () if parameters.get("compat") == "official" else CORRECTED.marks
