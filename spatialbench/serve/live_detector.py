"""A detector that looks at whatever comes in: loaded and tried first, never silently failing."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from ..detections import Detections
from ..errors import UserError, blamed
from ..plugins import Detector
from ..plugins.records import BoxRecord
from ..scoring.looked import Shares, found_record
from ..stages import canaries
from ..stages.first_look import PATIENCE
from ..stages.preflight import require
from .asked import Ready, Refused

_MOST_NAMES = 10_000
"""Names whose being known is remembered; a client can ask for as many as it likes."""


class LiveDetector:
    """A detector as a server needs it. ``require`` may be called from any thread.

    Args:
        detector: with its weights chosen, and what its benchmark put behind it.
        plain: the same without that, for images of which no more than boxes are needed.
        names: what the known prompts ask for.
        known: labels that are no sign of a wrong detector.
    """

    def __init__(
        self, detector: Detector, plain: Detector, names: Collection[str], known: Collection[str]
    ) -> None:
        self.detector = detector
        self._plain = plain
        self._names = sorted(names)
        self._known = frozenset(known)
        self._found_out: dict[str, str | None] = {}
        self._looked_in_vain = 0
        self._shares: Shares | None = Shares()

    def load(self) -> None:
        """Load the weights, compare with the canary's record, let the detector test itself.

        Raises:
            UserError: weights that are missing or unfit, a name it has no word for, an answer that
                is not what it was.
        """
        require(self.detector.requirements(self._names), fetch=self.detector.download)
        with blamed(self._whose):
            self.detector.load()
            canaries.check(self.detector)
            self.detector.self_test()

    def require(self, names: Sequence[str]) -> None:
        """Refuse names that the detector has no word for: it would never find them.

        Raises:
            Refused: says which, and what there is.
        """
        for name in names:
            if name not in self._found_out:
                missing = (one.missing for one in self.detector.requirements([name]))
                if len(self._found_out) >= _MOST_NAMES:
                    self._found_out.clear()
                self._found_out[name] = next((one for one in missing if one), None)
            # Another thread may have cleared it meanwhile.
            if (why := self._found_out.get(name)) is not None:
                raise Refused(why)

    def look(
        self, batch: Sequence[Ready], labels: Sequence[Sequence[str]], wholly: Sequence[bool]
    ) -> list[BoxRecord]:
        """What is found in each image: one pass over all in which anything is looked for.

        Args:
            batch: whose images are looked at.
            labels: the names to look for in each.
            wholly: whether ``detector`` is needed for it, and ``plain`` does not do.

        Raises:
            UserError: what no detector can have found; nothing known in any of the first images.
            Exception: whatever the model raises.
        """
        found: dict[int, BoxRecord] = {}
        for detector in {id(one): one for one in (self._plain, self.detector)}.values():
            places = [
                place
                for place, names in enumerate(labels)
                if names and detector is (self.detector if wholly[place] else self._plain)
            ]
            if places:
                images = [batch[place].image for place in places]
                seen = detector.detect(images, [labels[place] for place in places])
                for place, one in zip(places, self._one_each(seen, places), strict=True):
                    found[place] = self._record(batch[place], one)
        records = [found.get(n) or self._nothing(ready) for n, ready in enumerate(batch)]
        self._listen(records, labels)
        return records

    def _one_each(self, seen: Sequence[Detections], places: Sequence[int]) -> Sequence[Detections]:
        if not isinstance(seen, Sequence) or len(seen) != len(places):
            raise UserError(
                f"{self._whose} gave {seen!r:.80} for {len(places)} images: expected a list with "
                "Detections of each."
            )
        return seen

    def _record(self, ready: Ready, found: Detections) -> BoxRecord:
        key = (ready.prompt.id, 0)
        return found_record(self.detector, key, None, found, ready.image)

    def _nothing(self, ready: Ready) -> BoxRecord:
        size = self.detector.frame(*ready.image.size)
        return self._record(ready, Detections.build(np.empty((0, 4)), [], (), *size))

    def _listen(self, found: Sequence[BoxRecord], labels: Sequence[Sequence[str]]) -> None:
        """Until a label is known: a detector that finds nothing gives every image a reward of 0.

        Raises:
            UserError: ``PATIENCE`` images and nothing known in any; boxes in shares of the image.
        """
        if self._shares is None:
            return
        for record in found:
            self._shares.add(record)
        known = self._known.union(*labels)
        if any(label in known for record in found for label in record.labels):
            self._shares.refuse()
            self._shares = None
            return
        self._looked_in_vain += len(found)
        if self._looked_in_vain >= PATIENCE:
            raise UserError(
                f"{self._whose} found nothing that was asked for in any of the first "
                f"{self._looked_in_vain} images; likely causes are weights of another model, a "
                "device that computes wrongly (try --device cpu) or images that are empty: look at "
                "some of them and run 'spatialbench doctor'. Nothing is rewarded."
            )

    @property
    def _whose(self) -> str:
        return f"the detector {self.detector.signature()}"
