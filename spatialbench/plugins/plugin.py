"""What every plug-in has: a name, a line on what it is, and what ``fetch`` downloads for it."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError

if TYPE_CHECKING:
    from ..files.downloads import RemoteFile


class Plugin(ABC):
    """The base of every kind of plug-in.

    It must import quickly: heavy libraries are imported when a model is loaded, not before. Members
    of its own begin with an underscore, so that a misspelt hook is found.
    """

    name: str
    summary: str
    """What it is, in one line."""
    files: Sequence[RemoteFile] = ()
    """What ``spatialbench fetch NAME`` downloads, unless ``fetch`` is overridden."""
    licence: str = ""
    """The licence of what is downloaded, as ``fetch`` prints it; empty where all may use it."""

    def fetch(self) -> Sequence[Path]:
        """Download what it needs into the cache; the files or folders.

        Raises:
            UserError: no network, another content, or a cache that is not writable.
        """
        if not self.files:
            return ()
        from ..files.downloads import retrieve_all

        paths = retrieve_all(self.files, self.name)
        if not all(path.is_file() for path in paths):
            raise UserError(
                f"the files of {self.name} vanished from the cache; type the command again."
            )
        return paths

    @property
    def is_fetched(self) -> bool:
        """Whether ``fetch`` downloads anything for it."""
        return bool(self.files) or type(self).fetch is not Plugin.fetch
