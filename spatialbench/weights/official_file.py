"""An official checkpoint: one file, fetched where it has a fixed address, or given by its path."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import NotHere, UserError
from ..files.downloads import cache_folder, download, forbidden
from ..plugins.requirements import Requirement, required
from .hashing import file_hash


@dataclass(frozen=True, slots=True)
class OfficialFile:
    """The file that a detector or a judge stands for, or another of its kind.

    Attributes:
        owner: the model's name, also of its folder in the cache.
        name: the file's own name.
        source: where a person finds it, printed when it is missing.
        url: an address from which it may be fetched; None where no hash is known to check it by.
        sha256_start: the first 8 hex digits of its SHA-256, as the OpenMMLab zoo publishes them.
        given: a path of the user's, in the place of all this.
        option: the option that takes a path.
    """

    owner: str
    name: str
    source: str
    url: str | None = None
    sha256_start: str | None = None
    given: Path | None = None
    option: str = "--detector"

    def at(self, given: str | None) -> OfficialFile:
        """The same at a path of the user's; None for the official file."""
        return self if given is None else replace(self, given=Path(given).expanduser())

    @property
    def path(self) -> Path:
        """Where it lies or belongs, whether or not it is there yet."""
        return self.given or cache_folder() / self.owner / self.name

    def digest(self) -> str:
        """The first 8 hex digits of the SHA-256: what the identity and the signature say.

        Raises:
            UserError: the file is not there, and its hash is not known without it.
        """
        if self.path.is_file():
            return file_hash(self.path)[:8]
        if self.given is None and self.sha256_start is not None:
            return self.sha256_start
        raise self._missing()

    def requirement(self, *, offline: bool) -> Requirement:
        """That the file is there, or can be had; see ``spatialbench.plugins.requirements``."""
        return required(
            f"the weights of {self.owner}",
            lambda: self.locate(offline=True),
            fetchable=self.given is None and self.url is not None and not (offline or forbidden()),
        )

    def locate(self, *, offline: bool) -> Path:
        """The file to load, downloaded on first use unless ``offline``, and checked.

        Raises:
            UserError: it cannot be had: no address or no network, another content, or a cache that
                is not writable.
        """
        path = self.path
        if path.is_file():
            return self._intact(path)
        if self.given is not None or self.url is None or offline or forbidden():
            raise self._missing()
        partial = path.name + ".part"
        try:
            download(self.url, None, partial, path.parent)
            return self._intact(path.with_name(partial)).replace(path)
        except (OSError, ValueError) as error:
            raise UserError(
                f"cannot download {self.url} ({type(error).__name__}): check the network and type "
                f"'spatialbench fetch {self.owner}' again, or put the file at {path}."
            ) from error

    def _missing(self) -> UserError:
        """Where it comes from and what to type."""
        if self.given is not None:
            return NotHere(
                f"there is no checkpoint {self.given}; give the path of {self.name}, from "
                f"{self.source}."
            )
        how = "" if self.url is None else f"type 'spatialbench fetch {self.owner}', or "
        return NotHere(
            f"the weights of {self.owner} are not in the cache: {how}get {self.name} from "
            f"{self.source} and give it as {self.option} {self.owner}:PATH, or put it at "
            f"{self.path}."
        )

    def _intact(self, path: Path) -> Path:
        start = self.sha256_start
        if self.given is None and start is not None and not file_hash(path).startswith(start):
            raise UserError(
                f"{path} is not {self.name} (its sha256 does not begin with {start}); delete it "
                f"and type 'spatialbench fetch {self.owner}' again."
            )
        return path
