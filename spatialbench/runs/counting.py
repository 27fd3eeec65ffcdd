"""How many of the expected images are finished, and how many a model has looked at.

The finished files of a whole run hold its images in run order, one line each. Where that is so,
their fields are compared by the block: of a hundred thousand images no object is kept. Whatever is
otherwise (several files, another order, a line that begins differently, an image that is gone or
changed) is no answer here: then ``RunDirectory`` looks at each image and says what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NoReturn

from ..prompts import Key
from . import image_files
from .expected import Expected
from .image_files import ImageRecord
from .journal import Journal
from .record_lines import IMAGE_RECORD, IMAGE_SEEN, Fields, Notice, read_fields
from .store import RunDirectory

_DIGITS = 64
"""Of a SHA-256."""


@dataclass(frozen=True)
class Counts:
    """Of the expected images of a run as it is now; ``notice`` is told of damage, once each."""

    directory: RunDirectory
    expected: Expected
    notice: Notice

    @cached_property
    def finished(self) -> int:
        """How many are finished.

        Raises:
            UserError: as ``RunDirectory.finished_images``.
        """
        if self._hashes is not None:
            return self.expected.images
        finished = self.directory.finished_images(self.notice, recorded=self._recorded)
        return len(self._keys & finished.keys())

    def seen(self, signature: str, kind: str) -> int:
        """How many one model has looked at.

        Raises:
            UserError: as ``RunDirectory.seen_images``.
        """
        if self._all_seen(self.directory.detection_journal(signature, kind)):
            return self.expected.images
        seen = self.directory.seen_images(signature, self.notice, kind, self._recorded)
        return len(self._keys & seen)

    @cached_property
    def _keys(self) -> set[Key]:
        return set(self.expected.keys())

    @cached_property
    def _recorded(self) -> dict[Key, ImageRecord]:
        return self.directory.recorded(self.notice)

    @cached_property
    def _hashes(self) -> bytes | None:
        """Of all expected images in run order, one behind the other, if all are finished.

        None where that is not seen so easily, or of so few that all their bytes are read.
        """
        if self.expected.images <= image_files.ALWAYS_FILES:
            return None
        journal, hashes = self.directory.image_journal, list[bytes]()

        def sizes() -> Iterator[tuple[Key, int]]:
            for keys, columns in self._in_order(journal, IMAGE_RECORD):
                *_, lengths, found = columns
                hashes.append(b"".join(found))
                yield from zip(keys, map(int, lengths), strict=True)

        try:
            wrong = self.directory.unlike_recorded(sizes(), _otherwise, journal.written())
        except (_Otherwise, OSError):
            return None
        return None if any(wrong) else b"".join(hashes)

    def _all_seen(self, journal: Journal) -> bool:
        hashes, at = self._hashes, 0
        if hashes is None:
            return False
        try:
            for _, (found,) in self._in_order(journal, IMAGE_SEEN):
                end = at + len(found) * _DIGITS
                # Records of version 0.1 name no hash.
                if (told := b"".join(found)) and told != hashes[at:end]:
                    return False
                at = end
        except (_Otherwise, OSError):
            return False
        return True

    @cached_property
    def _columns(self) -> tuple[list[str], list[int], list[bytes]]:
        """Of the expected images in run order: prompt ids, indexes, and these as digits."""
        indexes = range(self.expected.images_per_prompt)
        prompts = self.expected.prompts
        digits = [b"%d" % index for index in indexes]
        return (
            [p.id for p in prompts for _ in indexes],
            [*indexes] * len(prompts),
            digits * len(prompts),
        )

    def _in_order(
        self, journal: Journal, fields: Fields[Any]
    ) -> Iterator[tuple[Iterator[Key], tuple[tuple[bytes, ...], ...]]]:
        """Some images and, of their lines, what ``fields`` finds besides, in columns; until all.

        Raises:
            _Otherwise: it does not hold all expected images, in order, and nothing else.
        """
        if journal.files() != [journal.path]:
            raise _Otherwise
        ids, indexes, digits = self._columns
        columns = replace(fields, of=lambda *groups: groups, otherwise=_otherwise)
        end = 0
        for block in read_fields(journal.path, columns, _otherwise, journal.below):
            named, numbered, *others = block
            start, end = end, end + len(named)
            some = ids[start:end]
            if b"\n".join(named) != "\n".join(some).encode() or [*numbered] != digits[start:end]:
                raise _Otherwise
            yield zip(some, indexes[start:end], strict=True), tuple(others)
        if end != len(ids):
            raise _Otherwise


class _Otherwise(Exception):
    """The records are not in run order, or not whole."""


def _otherwise(_: object) -> NoReturn:
    raise _Otherwise
