"""How often a batch is tried, and when giving up batches one by one makes no sense."""

from __future__ import annotations

from collections import defaultdict

ATTEMPTS = 3
"""Tries of one batch; where there are several workers, each on another one."""

IN_A_ROW = 3
"""Batches given up with no success between them after which the fault is not the batch's."""


class Attempts:
    """Counts the failures of batches, which are named by their place."""

    def __init__(self) -> None:
        self._reasons: dict[int, list[str]] = defaultdict(list)
        self._in_a_row = 0
        self._any_success = False

    def succeeded(self) -> None:
        """Some batch was done."""
        self._in_a_row = 0
        self._any_success = True

    def failed(self, batch: int, reason: str) -> str | None:
        """Count a failure; why the batch is given up, or None if it is to be tried again."""
        reasons = self._reasons[batch]
        reasons.append(reason)
        if len(reasons) < ATTEMPTS:
            return None
        self._in_a_row += 1
        different = list(dict.fromkeys(reasons))
        return f"failed {len(reasons)} times: {'; then '.join(different)}"

    @property
    def hopeless(self) -> bool:
        """Whether batches fail one like the other."""
        return self._in_a_row >= IN_A_ROW

    @property
    def in_vain(self) -> bool:
        """Whether at the end nothing was done and something was given up."""
        return self._in_a_row > 0 and not self._any_success


def in_one_line(error: BaseException) -> str:
    """``ValueError: what it says``, however many lines it said it in."""
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
