"""The packs of a run as this process knows them: which images they hold, and their bytes."""

from __future__ import annotations

import hashlib
import os
import threading
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from ..files.regular_files import names_below, remove_below
from ..prompts import Key
from .files import unreadable
from .image_files import FoundFile
from .pack_file import Pack
from .pack_format import (
    FOLDER,
    INDEX,
    PACK,
    PACK_NAME,
    Entry,
)
from .record_lines import Notice

_ATTEMPTS = 3
"""Of reading an image: as it is known, after looking again, and after walking through its pack."""


class Packs:
    """All packs of a run. Safe among threads."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self._lock = threading.Lock()
        self._packs: dict[str, Pack] = {}

    def refresh(self) -> list[Pack]:
        """Look what is new; the packs, oldest first.

        Raises:
            UserError: a symbolic link on the way, or what may not be read.
        """
        with self._lock:
            return self._refresh()

    def found(self, notice: Notice) -> dict[Key, FoundFile]:
        """The images in the packs; a notice tells of what is damaged."""
        with self._lock:
            found: dict[Key, FoundFile] = {}
            for pack in self._refresh():
                for sentence in pack.damage:
                    notice(sentence)
                changed = pack.changed
                found |= {key: FoundFile(size, changed) for key, (_, size) in pack.entries.items()}
        gone = [key for key, (size, _) in found.items() if not size]
        for key in gone:
            del found[key]
        return found

    def has(self, key: Key) -> bool:
        """Whether a pack says anything of an image."""
        with self._lock:
            return any(key in pack.entries for pack in self._refresh())

    def read(self, key: Key, sha256: str | None = None) -> bytes:
        """The bytes of an image.

        Args:
            key: the image.
            sha256: what they should be, where the caller knows it: others may have put the image
                elsewhere meanwhile, and it is looked for again before others are given.

        Raises:
            UserError: a symbolic link on the way, or what may not be read.
            FileNotFoundError: no pack holds it.
        """
        for attempt in range(_ATTEMPTS):
            with self._lock:
                if attempt:
                    self._refresh()
                pack, entry = self._place(key)
            if pack is None or not entry.bytes:
                continue
            with suppress(FileNotFoundError, ValueError):
                content = pack.read(key, entry)
                if content is None:
                    with self._lock:
                        pack.walk_again()
                elif (
                    sha256 is None
                    or attempt == _ATTEMPTS - 1
                    or hashlib.sha256(content).hexdigest() == sha256
                ):
                    return content
        raise FileNotFoundError(f"no pack in {self.run / FOLDER} holds image {key[0]}/{key[1]}")

    def hidden(self, key: Key, sha256: str) -> bytes | None:
        """An image with this hash, from whichever pack has it; None where a later one says it is
        gone.

        Raises:
            UserError: a symbolic link on the way, or what may not be read.
        """
        with self._lock:
            holders = [pack for pack in self._refresh() if key in pack.entries]
        for pack in reversed(holders):
            if not pack.entries[key].bytes:
                break
            with suppress(OSError, ValueError):
                content = pack.read(key, pack.entries[key])
                if content is not None and hashlib.sha256(content).hexdigest() == sha256:
                    return content
        return None

    def untidy(self) -> bool:
        """Whether ``tidy`` would do anything."""
        with self._lock:
            return any(pack.untidy for pack in self._refresh())

    def tidy(self, *, verified: bool) -> None:
        """Write the indexes that are damaged or end too early anew.

        Args:
            verified: whether the images are known to be as recorded, so that nobody need suspect
                a pack that was touched since.
        """
        with self._lock:
            for pack in self._refresh():
                if pack.untidy and (verified or not pack.changed):
                    pack.tidy()
        self.remove_orphans()

    def remove_orphans(self) -> None:
        """Remove indexes whose packs are gone."""
        names = set(names_below(self.run, self.run / FOLDER))
        for name in names:
            if name.endswith(INDEX) and name.removesuffix(INDEX) + PACK not in names:
                remove_below(self.run, self.run / FOLDER / name)

    def take(self) -> list[Pack]:
        """Give every pack another name of the same age; the packs, oldest first.

        Whoever still appends to one looks after its name, and writes again into another.
        """
        with self._lock:
            for pack in self._refresh():
                pack.rename()
            return self._refresh()

    def _place(self, key: Key) -> tuple[Pack | None, Entry]:
        """The newest entry of an image."""
        for _, pack in sorted(self._packs.items(), reverse=True):
            if key in pack.entries:
                return pack, pack.entries[key]
        return None, Entry(0, 0)

    def _refresh(self) -> list[Pack]:
        folder = self.run / FOLDER
        try:
            names = names_below(self.run, folder)
            packs = {
                name: self._packs.get(name) or Pack(folder / name, self.run)
                for name in names
                if PACK_NAME.fullmatch(name)
            }
            self._packs = {}
            for name, pack in sorted(packs.items()):
                try:
                    pack.refresh()
                except (FileNotFoundError, ValueError):
                    # Somebody has just unpacked it, or something else stands there.
                    continue
                self._packs[name] = pack
        except PermissionError as error:
            raise unreadable(folder, error) from error
        return list(self._packs.values())


@lru_cache(maxsize=4)
def _known(run: Path) -> Packs:
    return Packs(run)


def packs_of(run: Path) -> Packs:
    """The packs of a run, which a process reads once and then follows."""
    return _known(Path(os.path.abspath(run)))
