"""Sets of images and their features: of a run, of a folder, or kept in a statistics file."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import UserError
from ...files.images import UnreadableImage, read_rgb
from ...prompts import Key
from ...runs.manifest import NAME as MANIFEST
from ...runs.opening import Run
from ...runs.progress import Progress
from ...runs.store import RunDirectory
from ...statistics.image_sets import Features, moments
from .networks import INCEPTION, Network

if TYPE_CHECKING:
    from PIL import Image

STAGE = "quality"
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
_AT_ONCE = 16
_Read = Callable[[], bytes]


@dataclass(frozen=True)
class ImageSet:
    """Images whose features are compared with those of another set.

    Attributes:
        name: what tables call it.
        images: how many there are; None where a file does not say.
        sha256: hash of the images, or of the file that stands for them.
        features: by network name, float64 of shape (images, width), where they are known.
        statistics: mean and covariance of the Inception features, where only they are known.
        networks: by network name the identity that made the features; empty where a file does not
            say.
    """

    name: str
    images: int | None
    sha256: str
    features: Mapping[str, Features] = field(default_factory=dict)
    statistics: tuple[Features, Features] | None = None
    networks: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def moments(self) -> tuple[Features, Features] | None:
        """Mean and covariance of the Inception features; None where nothing is known of them."""
        if INCEPTION in self.features:
            return moments(self.features[INCEPTION])
        return self.statistics


def finished(run: Run, progress: Progress) -> dict[Key, str]:
    """The finished images that a run expects, in its order, each with the hash of its file.

    Raises:
        UserError: no image.
    """
    there = run.directory.finished_images(progress.notice)
    found = {key: there[key].sha256 for key in run.expected.keys() if key in there}  # noqa: SIM118
    if not found:
        raise UserError(f"{run.path} has no image yet: {run.manifest.images_first}.")
    return found


def of_run(
    run: Run, images: Mapping[Key, str], networks: Sequence[Network], progress: Progress
) -> ImageSet:
    """The images of a run that ``finished`` names."""
    digest = hashlib.sha256("".join(images.values()).encode()).hexdigest()
    reads = (lambda key=key: run_image(run, key) for key in images)
    features = _features(networks, reads, len(images), progress)
    return ImageSet(run.manifest.id, len(images), digest, features, networks=_identities(networks))


def run_image(run: Run, key: Key) -> Image.Image:
    """An image of a run."""
    return read_rgb(run.directory.read_image(key), ("PNG",))


def of_folder(folder: Path, networks: Sequence[Network], progress: Progress) -> ImageSet:
    """All images below a folder, in the order of their names; of a run its finished ones alone.

    Raises:
        UserError: no image there, or a file that is none although its name says so.
    """
    if (folder / MANIFEST).is_file():
        return _of_files(folder, _of_a_run(RunDirectory(folder), progress), networks, progress)
    files = [p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file()]
    return _of_files(folder, {file: file.read_bytes for file in files}, networks, progress)


def _of_a_run(directory: RunDirectory, progress: Progress) -> dict[Path, _Read]:
    """The images of a run, in files or in packs, by the names that their files have."""
    there = directory.finished_images(progress.notice)
    return {
        directory.image_path(*key): partial(directory.read_image, key, known.sha256)
        for key, known in there.items()
    }


def _of_files(
    folder: Path, files: Mapping[Path, _Read], networks: Sequence[Network], progress: Progress
) -> ImageSet:
    if not files:
        raise UserError(
            f"{folder} holds no image ({', '.join(SUFFIXES)}): give a folder of reference images, "
            "a run that has some, or a statistics file (.npz)."
        )
    digest = hashlib.sha256()

    def read(file: Path) -> Image.Image:
        content = files[file]()
        digest.update(hashlib.sha256(content).digest())
        try:
            return read_rgb(content, FORMATS)
        except UnreadableImage as error:
            raise UserError(
                f"{file} cannot be read as an image ({error}): put it right, or move it out of "
                f"{folder}; no reference image is left out silently."
            ) from error

    reads = (partial(read, file) for file in sorted(files))
    features = _features(networks, reads, len(files), progress)
    name = folder.resolve().name
    identities = _identities(networks)
    return ImageSet(name, len(files), digest.hexdigest(), features, networks=identities)


def read_statistics(file: Path) -> ImageSet:
    """A statistics file: ours, or ``mu`` and ``sigma`` as pytorch-fid writes them.

    Raises:
        UserError: no such file, or one without these arrays.
    """
    try:
        content = file.read_bytes()
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            held = {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise UserError(
            f"{file} cannot be read as a statistics file ({error}): give a .npz with mu and sigma, "
            "or a folder of images."
        ) from error
    about = json.loads(str(held["about"])) if "about" in held else {}
    features = {
        name.removeprefix("features-"): held[name].astype(np.float64)
        for name in held
        if name.startswith("features-")
    }
    statistics = None
    if "mu" in held and "sigma" in held:
        statistics = (held["mu"].astype(np.float64), held["sigma"].astype(np.float64))
        width = len(statistics[0])
        if statistics[1].shape != (width, width):
            raise UserError(f"{file}: sigma must have the shape ({width}, {width}), as mu has.")
    if statistics is None and not features:
        raise UserError(
            f"{file} holds {', '.join(held) or 'nothing'}: expected mu and sigma (pytorch-fid), or "
            "a file that '--write-statistics' made."
        )
    digest = hashlib.sha256(content).hexdigest()
    return ImageSet(
        about.get("name", file.stem),
        about.get("images"),
        about.get("sha256", digest),
        features,
        statistics,
        about.get("networks", {}),
    )


def statistics_bytes(images: ImageSet) -> bytes:
    """A set as the content of a statistics file, which pytorch-fid reads as well."""
    arrays: dict[str, Any] = {
        f"features-{name}": values.astype(np.float32) for name, values in images.features.items()
    }
    if images.moments is not None:
        arrays |= dict(zip(("mu", "sigma"), images.moments, strict=True))
    about = {
        "name": images.name,
        "images": images.images,
        "sha256": images.sha256,
        "networks": dict(images.networks),
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, about=np.array(json.dumps(about, sort_keys=True)), **arrays)
    return buffer.getvalue()


def _features(
    networks: Sequence[Network],
    reads: Iterator[Callable[[], Image.Image]],
    total: int,
    progress: Progress,
) -> dict[str, Features]:
    for network in networks:
        network.load()
    found: dict[str, list[Any]] = {network.name: [] for network in networks}
    progress.begin(STAGE, 0, total)
    batch: list[Image.Image] = []

    def flush() -> None:
        for network in networks:
            found[network.name].append(network.features(batch))
        progress.advance(len(batch))
        batch.clear()

    for read in reads:
        batch.append(read())
        if len(batch) == _AT_ONCE:
            flush()
    if batch:
        flush()
    progress.end()
    return {name: np.concatenate(rows).astype(np.float64) for name, rows in found.items()}


def _identities(networks: Sequence[Network]) -> dict[str, Any]:
    return {network.name: network.identity() for network in networks}
