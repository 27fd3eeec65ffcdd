"""Which model of transformers' is read: a pinned commit on the Hub, or a local folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from ..files.documents import read_json
from .hashing import folder_hash
from .hub import HubSource, fetch, locate, parse_source
from .loading import require_weights
from .patterns import FilePatterns
from .weight_files import loaded_files

MODEL_FILES = FilePatterns(allow=("*.json", "*.txt", "*.safetensors", "pytorch_model.bin"))


@dataclass(frozen=True, slots=True)
class Weights:
    """A checkpoint on the Hub, or a folder.

    Attributes:
        name: the model's, which a signature gives to a folder.
        own: whether they are its own weights, so that ``spatialbench fetch NAME`` gets them.
        missing: what to say where the folder of a model that is shipped is not there.
    """

    name: str
    source: HubSource | None = None
    folder: Path | None = None
    own: bool = False
    missing: str | None = None

    def identity(self) -> dict[str, str]:
        """Repository and commit, or the hash of the folder's files; never a path."""
        if self.source is not None:
            return {"source": self.source.repo, "revision": self.source.revision}
        return {"name": self.name, "weights": folder_hash(self._present(), MODEL_FILES)}

    @property
    def repository(self) -> str | None:
        """``owlvit-base-patch32@``, how a signature begins; None for a folder."""
        return None if self.source is None else f"{self.source.repo.split('/')[-1]}@"

    def signature(self) -> str:
        """``owlvit-base-patch32@cbc355f``, or ``owlvit@`` and the start of the folder's hash."""
        if self.source is not None:
            return f"{self.repository}{self.source.revision[:7]}"
        return f"{self.name}@{folder_hash(self._present(), MODEL_FILES)[:7]}"

    def locate(self, *, offline: bool) -> Path:
        """The folder to load from, downloaded on first use unless ``offline``.

        Raises:
            UserError: the files are not there and cannot be had.
        """
        if self.source is None:
            return self._present()
        name = self.name if self.own else None
        return locate(self.source, MODEL_FILES, offline=offline, fetch_name=name)

    def require_whole(self) -> None:
        """Look at the files of weights that are here, without loading them.

        Raises:
            UserError: they are not here, or one of them is damaged.
        """
        folder = self.locate(offline=True)
        loaded_files(folder, "transformers", safe=require_weights(folder, pickled=True))

    def fetch(self) -> Path:
        """Download what is missing of the weights, and return their folder.

        Raises:
            UserError: they cannot be had.
        """
        return self._present() if self.source is None else fetch(self.source, MODEL_FILES)

    def _present(self) -> Path:
        assert self.folder is not None
        if (self.folder / "config.json").is_file():
            return self.folder
        if self.missing is not None:
            raise UserError(self.missing)
        raise UserError(
            f"{self.folder} is not a model folder (it has no config.json); give one written by "
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
    return Weights(name, source)


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
