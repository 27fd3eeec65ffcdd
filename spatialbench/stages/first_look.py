"""Before anything is believed: a detector that names nothing asked in the first images stops it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..errors import UserError
from ..plugins.records import BoxRecord, SeenRecord
from ..scoring.label_names import other_names
from ..scoring.looked import Shares

PATIENCE = 50
"""Images without a known box after which a broken detector is likelier than empty images."""


class FirstLook:
    """Holds a worker's records back until one of them has a box with a label that is known.

    Were they written at once, giving the command again would take them for done, and a broken
    detector would score 0 in the end.
    """

    def __init__(
        self, signature: str, *, found_before: bool, known: frozenset[str] | None = None
    ) -> None:
        self._signature = signature
        self._known = known
        self._asked: dict[str, None] = {}
        self._held: list[SeenRecord] | None = None if found_before else []

    def admit(self, records: Sequence[SeenRecord], asked: Iterable[str] = ()) -> list[SeenRecord]:
        """The records that may be written now.

        Args:
            records: of the images of a batch.
            asked: the names that were to be found in them.

        Raises:
            UserError: ``PATIENCE`` images, and nothing in any of them, or nothing that is known;
                boxes in shares of the image.
        """
        if self._held is None:
            return list(records)
        self._asked.update(dict.fromkeys(asked))
        self._held += records
        if self._known is None:
            known = not all(record.nothing for record in self._held)
        else:
            known = not self._known.isdisjoint(self._labels())
        if known:
            self._refuse_shares()
            held, self._held = self._held, None
            return held
        if len(self._held) >= PATIENCE:
            self._refuse_other_names()
            count, self._held = len(self._held), []
            raise UserError(
                f"{self._signature} finds nothing in any of the first {count} images; likely "
                "causes are weights of another model, a device that computes wrongly (try --device "
                "cpu) or images that are empty: look at some of them and run 'spatialbench "
                "doctor'. Nothing was recorded."
            )
        return []

    def rest(self) -> list[SeenRecord]:
        """What is still held back: a run of few images may show nothing.

        Raises:
            UserError: it shows something, and nothing that is known.
        """
        if self._held is not None and self._known is not None:
            self._refuse_other_names()
        if self._held:
            self._refuse_shares()
        held, self._held = self._held or [], None
        return held

    def _refuse_shares(self) -> None:
        shares = Shares()
        for record in self._boxes():
            shares.add(record)
        try:
            shares.refuse()
        except UserError as error:
            self._held = []
            raise UserError(f"{self._signature}: {error} Nothing was recorded.") from error

    def _labels(self) -> list[str]:
        return [label for record in self._boxes() for label in record.labels]

    def _boxes(self) -> list[BoxRecord]:
        return [record for record in self._held or () if isinstance(record, BoxRecord)]

    def _refuse_other_names(self) -> None:
        labels = dict.fromkeys(self._labels())
        if self._known is None or not labels or not self._known.isdisjoint(labels):
            return
        self._held = []
        error = other_names(labels, self._asked)
        raise UserError(f"{self._signature}: {error} Nothing was recorded.")
