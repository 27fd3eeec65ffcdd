"""What a stage does with a batch that was given up: say it, and remember it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ..prompts import Key
from ..runs.progress import Progress
from ..runs.quarantine import Quarantine, told


class GivingUp:
    """The images that a stage gives up.

    They are remembered once something succeeded: where nothing does, the command fails and leaves
    the run as it found it.

    Args:
        stage: its name, for what is printed.
        quarantine: where the images are remembered.
        alone: whether nobody else writes there, so that what earlier commands gave up, and this
            one tries again, is forgotten.
        refused: what earlier commands were refused, and this one does not ask for again, with the
            reasons.
    """

    def __init__(
        self,
        stage: str,
        quarantine: Quarantine,
        progress: Progress,
        *,
        alone: bool,
        refused: Mapping[Key, str] | None = None,
    ) -> None:
        self._stage = stage
        self._quarantine = quarantine
        self._progress = progress
        self._alone = alone
        self._refused = refused or {}
        self._settled = False
        self._held: list[tuple[list[Key], str]] = []

    def give_up(self, keys: Collection[Key], reason: str) -> None:
        """Tell images that are given up, and remember them.

        Raises:
            UserError: no space, no permission.
        """
        self._held.append((sorted(keys), reason))
        self._tell(keys, reason)
        if self._settled:
            self.settle()

    def refuse(self, keys: Collection[Key], reason: str) -> None:
        """Tell images that are refused, and remember them, whatever becomes of all others.

        Raises:
            UserError: no space, no permission.
        """
        self.settle()
        self._tell(keys, reason)
        self._quarantine.add(keys, reason, refused=True)

    @property
    def held(self) -> list[str]:
        """Why images were given up, where nothing succeeded so far; a sentence per reason."""
        reasons = {key: reason for keys, reason in self._held for key in keys}
        return told(self._stage, reasons)

    def settle(self) -> None:
        """Something succeeded, or nothing was left to do: write what was held back.

        Raises:
            UserError: no space, no permission.
        """
        if self._alone and not self._settled:
            self._quarantine.forget(self._refused)
        self._settled = True
        held, self._held = self._held, []
        for keys, reason in held:
            self._quarantine.add(keys, reason)

    def _tell(self, keys: Collection[Key], reason: str) -> None:
        for sentence in told(self._stage, dict.fromkeys(sorted(keys), reason)):
            self._progress.notice(f"{sentence}; the rest goes on.")
