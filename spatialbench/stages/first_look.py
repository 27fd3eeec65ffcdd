"""Before anything is believed: a detector blind to every one of the first images stops the run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import UserError

Json = dict[str, Any]

PATIENCE = 50
"""Images without a single box after which a broken detector is likelier than empty pictures."""


class FirstLook:
    """Holds a worker's records back until one of them has a box.

    Were they written at once, giving the command again would take them for done, and a broken
    detector would score 0 in the end.
    """

    def __init__(self, signature: str, *, found_before: bool) -> None:
        self._signature = signature
        self._held: list[Json] | None = None if found_before else []

    def admit(self, records: Sequence[Json]) -> list[Json]:
        """The records that may be written now.

        Raises:
            UserError: ``PATIENCE`` images, and nothing in any of them.
        """
        if self._held is None:
            return list(records)
        self._held += records
        if any(record["boxes"] for record in self._held):
            return self.rest()
        if len(self._held) >= PATIENCE:
            count, self._held = len(self._held), []
            raise UserError(
                f"{self._signature} finds nothing in any of the first {count} images; likely "
                "causes are weights of another model, a device that computes wrongly (try --device "
                "cpu) or pictures that are empty: look at some of them and run 'spatialbench "
                "doctor'. Nothing was recorded."
            )
        return []

    def rest(self) -> list[Json]:
        """What is still held back: a run of few images may show nothing."""
        held, self._held = self._held or [], None
        return held
