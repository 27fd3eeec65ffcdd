"""Where a model's weights come from: a pinned commit on the Hub, or a local folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from ..files.documents import read_json
from ..files.downloads import forbidden
from ..plugins.requirements import Requirement, required
from .hashing import folder_hash
from .hub import (
    HubSource,
    Unreachable,
    fetch,
    first_cached,
    locate,
    parse_source,
    snapshot_folder,
)
from .loading import require_weights
from .patterns import FilePatterns
from .repository import ask, note_newest
from .weight_files import loaded_files

MODEL_FILES = FilePatterns(allow=("*.json", "*.txt", "*.safetensors", "pytorch_model.bin"))
"""Of a model of transformers'."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A checkpoint on the Hub, or a folder.

    Attributes:
        name: the model's, which a signature gives to a folder.
        sources: repositories that hold the same files, the preferred one first.
        folder: where a checkpoint that is in no repository lies.
        files: which of its files are the model.
        index: the file without which a folder is no such model.
        fetched_as: what ``spatialbench fetch`` calls it; None where it has no name for it.
        missing: what to say of a folder without ``index``.
    """

    name: str
    sources: tuple[HubSource, ...] = ()
    folder: Path | None = None
    files: FilePatterns = MODEL_FILES
    index: str = "config.json"
    fetched_as: str | None = None
    missing: str | None = None

    @property
    def source(self) -> HubSource | None:
        """The repository in use: the first that is in the cache, else the first."""
        return (first_cached(self.sources) or self.sources[0]) if self.sources else None

    def identity(self) -> dict[str, str]:
        """Repository and commit, or the hash of the folder's files; never a path.

        Raises:
            UserError: a folder that is missing or holds no such model.
        """
        if self.source is not None:
            return {"source": self.source.repo, "revision": self.source.revision}
        return {"name": self.name, "weights": folder_hash(self._present(), self.files)}

    @property
    def repository(self) -> str | None:
        """``owlvit-base-patch32@``, how a signature begins; None for a folder."""
        return None if self.source is None else f"{self.source.repo.split('/')[-1]}@"

    def digits(self) -> str:
        """The first 7 of the commit or of the folder's hash."""
        identity = self.identity()
        return (identity.get("revision") or identity["weights"])[:7]

    def signature(self) -> str:
        """``owlvit-base-patch32@cbc355f``, or ``owlvit@`` and the start of the folder's hash."""
        return f"{self.repository or f'{self.name}@'}{self.digits()}"

    def locate(self, *, offline: bool) -> Path:
        """The folder to load from, downloaded on first use unless ``offline``.

        Raises:
            UserError: the files are not there and cannot be had.
        """
        if self.source is None:
            return self._present()
        folder = locate(self.source, self.files, offline=offline, fetch_name=self.fetched_as)
        note_newest(self.source)
        return folder

    def requirement(self, what: str, *, offline: bool) -> Requirement:
        """That the files are there, or can be had; see ``spatialbench.plugins.requirements``."""
        fetchable = bool(self.sources) and not (offline or forbidden())
        return required(
            what,
            lambda: self.locate(offline=True),
            fetchable=fetchable,
            downloads=self.downloads if self.sources else None,
        )

    def downloads(self) -> dict[str, int | None]:
        """The files that ``fetch`` would download, with their bytes, by the Hub's list of them.

        Raises:
            UserError: the Hub cannot be asked, or has no such commit.
        """
        assert self.source is not None
        there = snapshot_folder(self.source)
        listed = ask(self.source.repo, self.source.revision).files
        wanted = {path: size for path, size in listed.items() if self.files.match(path)}
        return {path: size for path, size in wanted.items() if not (there / path).is_file()}

    def whole_requirement(self, what: str, *, offline: bool) -> Requirement:
        """As :meth:`requirement`, and that none of the files that are there is damaged."""
        here = self.requirement(what, offline=offline)
        # A download would not replace a damaged file.
        return here if here.missing else required(what, self.require_whole)

    def require_whole(self) -> None:
        """Look at a transformers model's files of weights that are here, without loading them.

        Raises:
            UserError: they are not here, or one of them is damaged.
        """
        folder = self.locate(offline=True)
        safe = require_weights(folder, pickled=self.files.match("pytorch_model.bin"))
        loaded_files(folder, "transformers", safe=safe)

    def fetch(self) -> Path:
        """Download what is missing, and return the folder.

        Of several repositories the first that answers gives it; what is partly there is completed
        from where it came.

        Raises:
            UserError: no source answers; every failure is told.
        """
        if not self.sources:
            return self._present()
        cached = first_cached(self.sources)
        failures = []
        for source in (cached,) if cached else self.sources:
            try:
                folder = fetch(source, self.files)
                note_newest(source)
                return folder
            except Unreachable:
                raise
            except UserError as error:
                failures.append(error)
        if len(failures) == 1:
            raise failures[0]
        raise UserError(" ".join(str(error) for error in failures)) from failures[0]

    def _present(self) -> Path:
        assert self.folder is not None
        if (self.folder / self.index).is_file():
            return self.folder
        if self.missing is not None:
            raise UserError(self.missing)
        raise UserError(
            f"{self.folder} is not a model folder (it has no {self.index}); give one written by "
            f"save_pretrained of the kind of model that {self.name} is, its tokenizer and image "
            "processor."
        )


def choose(given: str, name: str, model_class: str) -> Weights:
    """The weights a user names: a folder, or ``org/name@commit``.

    Args:
        given: what the user typed, as behind ``--detector NAME:``.
        name: the model's, for the signature of a folder.
        model_class: what the folder must hold, for the error.

    Raises:
        UserError: neither a folder that exists nor a pinned repository.
    """
    folder = Path(given).expanduser()
    if folder.is_dir():
        return Weights(name, folder=folder)
    source = parse_source(given)
    if source is None:
        raise UserError(
            f"{given!r} is neither a folder nor a repository; give a folder of an or a "
            f"{model_class}, or org/name@<40 hex digits>."
        )
    return Weights(name, (source,))


def require_model_type(folder: Path, wanted: str, model_class: str) -> None:
    """Refuse a folder of another kind of model, whose weights would half fit or not at all.

    Raises:
        UserError: no readable ``config.json``, or another ``model_type`` there.
    """
    path = folder / "config.json"
    try:
        kind = read_json(path).get("model_type")
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path} cannot be read ({error}); give a folder written by save_pretrained of "
            f"{model_class}."
        ) from error
    if kind != wanted:
        raise UserError(
            f"{folder} holds a model of type {kind!r}; expected {wanted!r} ({model_class})."
        )
