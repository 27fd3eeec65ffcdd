"""Images that were given up: which, and why. They are missing, and the next command tries again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..files.regular_files import remove_below
from ..plugins.records import key_of
from ..prompts import Key
from .expected import name_some
from .journal import Journal
from .record_lines import Notice

NAME = "quarantine.jsonl"


class Quarantine:
    """The images that one stage gave up, in a journal of its own."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        self._journal = Journal(folder / NAME, scratch)

    def add(self, keys: Iterable[Key], reason: str) -> None:
        """Remember images and why they were given up.

        Raises:
            UserError: no space, no permission.
        """
        records = [{"prompt_id": k[0], "index": k[1], "reason": reason} for k in sorted(keys)]
        with self._journal.writer() as writer:
            writer.append(records)

    def reasons(self, notice: Notice) -> dict[Key, str]:
        """Why each image was given up, whether or not somebody finished it since."""
        return {
            key_of(record): str(record.get("reason", "unknown"))
            for record in self._journal.records(notice)
        }

    def forget(self) -> None:
        """Begin anew. Only for whoever knows that nobody else writes."""
        for path in self._journal.files():
            remove_below(self._journal.below, path)


def told(stage: str, reasons: Mapping[Key, str]) -> list[str]:
    """One sentence a reason: ``generate gave up 2 image(s), 12/0, 12/1: failed 3 times: ...``."""
    by_reason: dict[str, list[Key]] = defaultdict(list)
    for key, reason in reasons.items():
        by_reason[reason].append(key)
    return [
        f"{stage} gave up {len(keys)} image(s), {name_some(keys)}: {reason}"
        for reason, keys in by_reason.items()
    ]
