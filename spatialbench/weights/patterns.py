"""Which files of a checkpoint are the model: what is downloaded is what is hashed."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch


@dataclass(frozen=True, slots=True)
class FilePatterns:
    """Shell patterns over a file's path in the checkpoint; ``*`` also matches ``/``.

    The reading of ``huggingface_hub``'s ``allow_patterns`` and ``ignore_patterns``.
    """

    allow: tuple[str, ...]
    ignore: tuple[str, ...] = ()

    def match(self, path: str) -> bool:
        """Whether the file at a relative path, with ``/`` between its parts, is wanted."""
        wanted = any(fnmatch(path, pattern) for pattern in self.allow)
        return wanted and not any(fnmatch(path, pattern) for pattern in self.ignore)
