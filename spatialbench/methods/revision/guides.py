"""Guide images: from a folder by the prompt's name, or drawn by the lab's world."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ...errors import UserError
from ...files.documents import LARGE, read_limited
from ...files.images import header_needs_conversion, read_rgb
from ...plugins import ImageRequest
from ...prompts import Prompt
from ...relations import Relation
from ...weights.hashing import folder_hash
from ...weights.patterns import FilePatterns

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

LAB = "lab"
_ENDINGS = (".png", ".jpg", ".jpeg", ".webp")
_FORMATS = ("PNG", "JPEG", "WEBP")


class Guides(Protocol):
    """Where guide images come from."""

    @property
    def marks(self) -> tuple[str, ...]:
        """What a table must say of images made from them."""
        ...

    def identity(self) -> dict[str, Any]:
        """What decides every guide's pixels; plain JSON."""
        ...

    def guide(self, request: ImageRequest) -> Image.Image:
        """The RGB guide of one image.

        Raises:
            UserError: there is none for this prompt.
        """
        ...

    def require(self, prompt: Prompt) -> None:
        """Raises UserError where there is none for this prompt; reads no image."""
        ...


@dataclass(frozen=True, slots=True)
class FolderGuides:
    """Images of a folder, one a prompt, named by its id, its text, or its triplet."""

    folder: Path
    marks: tuple[str, ...] = ("layout-conditioned",)

    def identity(self) -> dict[str, Any]:
        """A hash of all images with their names.

        ``reading`` stands where one of them is turned or scaled, which version 0.1 did not do.
        """
        content = folder_hash(self.folder, FilePatterns(tuple(f"*{e}" for e in _ENDINGS)))
        told: dict[str, Any] = {"name": content[:7], "sha256": content}
        return told | ({"reading": 2} if self._any_converted() else {})

    def _any_converted(self) -> bool:
        return any(
            path.suffix in _ENDINGS and path.is_file() and header_needs_conversion(path, _FORMATS)
            for path in sorted(self.folder.iterdir())
        )

    def guide(self, request: ImageRequest) -> Image.Image:
        """The first file of :func:`file_names` that is there."""
        path = self._path(request.prompt)
        try:
            return read_rgb(read_limited(path, LARGE), _FORMATS)
        except (OSError, ValueError) as error:
            raise UserError(
                f"the guide {path} is not a readable image ({error}); replace it."
            ) from error

    def require(self, prompt: Prompt) -> None:
        """Raises UserError for a prompt without a guide."""
        self._path(prompt)

    def _path(self, prompt: Prompt) -> Path:
        names = file_names(prompt)
        for name in names:
            for ending in _ENDINGS:
                path = self.folder / (name + ending)
                if path.is_file():
                    return path
        raise UserError(
            f"no guide for prompt {prompt.id} in {self.folder}: expected one of "
            f"{', '.join(name + '.png' for name in names)} (or .jpg, .webp); add it, or use "
            "--set guides=lab."
        )


@dataclass(frozen=True, slots=True)
class LabGuides:
    """Scenes of the lab's world, another one for every seed; the drawing is our reconstruction."""

    marks: tuple[str, ...] = ("layout-conditioned", "reconstruction")
    version: int = field(default=1)
    """Raised whenever the same request would get another drawing."""

    def identity(self) -> dict[str, Any]:
        """The world's drawing, by version."""
        return {"name": LAB, "version": self.version}

    def guide(self, request: ImageRequest) -> Image.Image:
        """64x64 pixels, the objects laid out as the prompt asks."""
        import numpy as np
        from PIL import Image

        from ...lab.world import draw

        key = f"{self.version}|{request.prompt.text}|{request.seed}".encode()
        seed = int.from_bytes(hashlib.sha256(key).digest()[:8], "little")
        scene = _scene(request.prompt, np.random.default_rng(seed))
        return Image.fromarray(draw(scene).image)

    def require(self, prompt: Prompt) -> None:
        """Raises UserError for a prompt that the lab cannot draw."""
        _drawable(prompt)


def find_guides(text: str) -> Guides:
    """The guides that ``--set guides=`` names.

    Raises:
        UserError: neither ``lab`` nor a folder that is there.
    """
    if text == LAB:
        return LabGuides()
    folder = Path(text).expanduser()
    if not text or not folder.is_dir():
        raise UserError(
            f"there is no folder of guides {text!r}: give --set guides=FOLDER with an image for "
            "each prompt, or --set guides=lab."
        )
    return FolderGuides(folder)


def file_names(prompt: Prompt) -> list[str]:
    """What a prompt's guide may be called, without ending: id, text, text_revision, triplet."""
    text = "_".join(prompt.text.replace("/", " ").split())
    names = [prompt.id, text, f"{text}_revision"]
    if prompt.triplet is not None:
        triplet = prompt.triplet
        names.append("_".join(f"{triplet.subject} {triplet.relation} {triplet.object}".split()))
    return names


def _scene(prompt: Prompt, rng: np.random.Generator) -> Any:
    from ...lab.world import SIDE, SIZES, Placement, Scene, scene_of

    names, relation = _drawable(prompt)
    if len(names) == 2:
        return scene_of(rng, names, relation, relation)
    size = int(rng.integers(SIZES[0], SIZES[1] + 1))
    x, y = (int(v) for v in rng.integers(0, SIDE - size + 1, 2))
    placed = Placement(names[0], size, x, y, bool(rng.random() < 0.5), 1.0)
    return Scene((placed,), prompt.text, tuple(names), None, int(rng.integers(1 << 20)))


def _drawable(prompt: Prompt) -> tuple[list[str], Relation | None]:
    """The lab's names of a prompt's objects, and its relation, where the lab can draw them."""
    names = _pictograms(prompt)
    relation = prompt.triplet.relation if prompt.triplet else None
    if relation in (Relation.IN_FRONT, Relation.BEHIND):
        raise UserError(
            f"prompt {prompt.id} asks for {relation.adverb!r}, which the lab's flat world cannot "
            "draw; give --set guides=FOLDER, or choose a subset without it."
        )
    return names, relation


def _pictograms(prompt: Prompt) -> list[str]:
    """The lab's names of the one or two objects of a prompt, subject first."""
    from ...lab.captions import OTHER_NAMES
    from ...lab.pictograms import PICTOGRAMS

    triplet = prompt.triplet
    choices: list[Sequence[str]] = [prompt.objects]
    if triplet is not None:
        choices.insert(0, (triplet.subject, triplet.object))
    own = {other: name for name, other in OTHER_NAMES.items()}
    for choice in choices:
        names = [own.get(name, name) for name in choice]
        if 1 <= len(names) <= 2 and all(name in PICTOGRAMS for name in names):
            return names
    raise UserError(
        f"the lab cannot draw a guide for prompt {prompt.id} ({prompt.text!r}): it draws one or "
        "two of its pictograms; give --set guides=FOLDER, or choose a subset of one or two objects."
    )
