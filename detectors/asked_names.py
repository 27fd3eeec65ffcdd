"""The object names a detector is asked for: a list per image, and whether it has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized

from spatialbench.errors import unknown_name


def require_known(asked: Iterable[Sequence[str]], known: Sequence[str], detector: str) -> None:
    """Refuse names the detector has no class for: it would never find them.

    Raises:
        UserError: lists the names and what the detector has.
    """
    unknown = sorted({name for names in asked for name in names} - set(known))
    if unknown:
        raise unknown_name(f"object of {detector}", ", ".join(unknown), known)


def require_lists(images: Sized, labels: Sized) -> None:
    """Raises ValueError unless there is a list of names for every image."""
    if len(images) != len(labels):
        raise ValueError(f"{len(images)} images but {len(labels)} lists of labels")
