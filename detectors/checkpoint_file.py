"""A detector's official checkpoint: one file, fetched where it has a fixed address, or given."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path

from spatialbench.errors import UserError
from spatialbench.files.downloads import cache_folder, downloader, forbidden
from spatialbench.plugins.requirements import Requirement, required


@dataclass(frozen=True, slots=True)
class OfficialFile:
    """The file a detector stands for.

    Attributes:
        owner: the detector's name, also of its folder in the cache.
        name: the file's own name.
        source: where a person finds it, printed when it is missing.
        url: an address from which it may be fetched; None where no hash is known to check it by.
        sha256_start: the first 8 hex digits of its SHA-256, as the OpenMMLab zoo publishes them.
    """

    owner: str
    name: str
    source: str
    url: str | None = None
    sha256_start: str | None = None

    def cached(self) -> Path:
        """Where the cache keeps it, whether or not it is there yet."""
        return cache_folder() / self.owner / self.name

    def fetch(self) -> Path:
        """The cached file, downloaded if need be and checked.

        Raises:
            UserError: no address or no network, another content, or a cache that is not writable.
        """
        path = self.cached()
        if path.is_file():
            return self._intact(path)
        if self.url is None or forbidden():
            raise self.missing()
        import pooch

        pooch.get_logger().setLevel("ERROR")
        partial = path.name + ".part"
        try:
            pooch.retrieve(self.url, None, partial, path.parent, downloader=downloader())
            fetched = self._intact(path.with_name(partial))
            return fetched.replace(path)
        except (OSError, ValueError) as error:
            raise UserError(
                f"cannot download {self.url} ({type(error).__name__}): check the network and type "
                f"'spatialbench fetch {self.owner}' again, or put the file at {path}."
            ) from error

    def missing(self) -> UserError:
        """The error for a file that is not there: where it comes from and what to type."""
        how = "" if self.url is None else f"type 'spatialbench fetch {self.owner}', or "
        return UserError(
            f"the weights of {self.owner} are not in the cache: {how}get {self.name} from "
            f"{self.source} and give it as --detector {self.owner}:PATH, or put it at "
            f"{self.cached()}."
        )

    def _intact(self, path: Path) -> Path:
        start = self.sha256_start
        if start is not None and not file_sha256(path).startswith(start):
            raise UserError(
                f"{path} is not {self.name} (its sha256 does not begin with {start}); delete it "
                f"and type 'spatialbench fetch {self.owner}' again."
            )
        return path


@dataclass(frozen=True, slots=True)
class ChosenFile:
    """The official file, or another of its kind at a path of the user's."""

    official: OfficialFile
    given: Path | None = None

    def digest(self) -> str:
        """The first 8 hex digits of the SHA-256: what the identity and the signature say.

        Raises:
            UserError: the file is not there, and its hash is not known without it.
        """
        path = self.given or self.official.cached()
        if path.is_file():
            return file_sha256(path)[:8]
        if self.given is None and self.official.sha256_start is not None:
            return self.official.sha256_start
        raise self._missing()

    def requirement(self, *, offline: bool) -> Requirement:
        """That the file is there, or can be had; see ``spatialbench.plugins.requirements``."""
        fetchable = self.given is None and self.official.url is not None
        return required(
            f"the weights of {self.official.owner}",
            lambda: self.locate(offline=True),
            fetchable=fetchable and not (offline or forbidden()),
        )

    def locate(self, *, offline: bool) -> Path:
        """The file to load, downloaded on first use unless ``offline``.

        Raises:
            UserError: it cannot be had.
        """
        if self.given is not None:
            if not self.given.is_file():
                raise self._missing()
            return self.given
        if offline and not self.official.cached().is_file():
            raise self.official.missing()
        return self.official.fetch()

    def _missing(self) -> UserError:
        if self.given is None:
            return self.official.missing()
        return UserError(
            f"there is no checkpoint {self.given}; give the path of {self.official.name}, from "
            f"{self.official.source}."
        )


def file_sha256(path: Path) -> str:
    """SHA-256 (hex) of a file's content; read once a process while the file stays as it is."""
    status = path.stat()
    return _hash(str(path), status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _hash(path: str, size: int, mtime_ns: int) -> str:
    """Size and time are part of the cache key: a rewritten file is read again."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
