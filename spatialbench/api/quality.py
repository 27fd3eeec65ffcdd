"""What accuracy costs in image quality: a run against reference images."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError
from ..plugins.evidence import SIMILARITY as EVIDENCE
from ..prompts import Key
from ..runs.files import write_report
from ..runs.opening import Run
from ..runs.progress import Progress
from ..stages.quality.measure import CMMD, FID, KID, NEEDS, SIMILARITY, Quality, compared, store
from ..stages.quality.networks import CLIP, INCEPTION, ClipFeatures, InceptionFeatures, Network
from ..stages.quality.references import (
    ImageSet,
    finished,
    of_folder,
    of_run,
    read_statistics,
    run_image,
    statistics_bytes,
)
from .asked_models import judges

if TYPE_CHECKING:
    from ..plugins import Judge

METRICS = (FID, KID, CMMD)


def networks_for(
    wanted: Sequence[str],
    device: str,
    offline: bool,
    inception: str | None = None,
    clip: str | None = None,
) -> list[Network]:
    """The networks that metrics are made of, none of them loaded.

    Args:
        wanted: of ``METRICS``.
        inception: the published file of the Inception weights; None for the fetched one.
        clip: a folder of a ``CLIPModel``; None for the fetched one.

    Raises:
        UserError: weights that are not here and cannot be fetched.
    """
    needed = {NEEDS[key] for key in wanted}
    found: list[Network] = []
    if INCEPTION in needed:
        found.append(InceptionFeatures(inception, device, offline))
    if CLIP in needed:
        found.append(ClipFeatures(clip, device, offline))
    for network in found:
        requirement = network.requirement()
        if requirement.missing is not None and not requirement.fetchable:
            raise UserError(requirement.missing)
    return found


def reference_set(path: Path, networks: Sequence[Network], progress: Progress) -> ImageSet:
    """A folder of images, a run, or a statistics file.

    Raises:
        UserError: neither.
    """
    if path.is_dir():
        return of_folder(path, networks, progress)
    if not path.exists():
        raise UserError(
            f"there is no {path}: give a folder of reference images, a run, or a .npz file."
        )
    return read_statistics(path)


def write_statistics(reference: ImageSet, file: Path) -> None:
    """Keep a set's features and moments, so that its images are not looked at again.

    Raises:
        UserError: no space, no permission, a file inside a run.
    """
    write_report(file, statistics_bytes(reference))


def measure(
    run: Run,
    reference: ImageSet,
    networks: Sequence[Network],
    wanted: Sequence[str],
    progress: Progress,
    judge: Judge | None = None,
) -> Quality:
    """Compare the finished images of a run with a reference set, and keep the numbers in the run.

    Args:
        wanted: of ``METRICS``.
        judge: one that gives similarity: the mean over the images with the texts of their prompts.

    Raises:
        UserError: no image, a reference of other networks, features that are not finite.
    """
    there = finished(run, progress)
    images = of_run(run, there, networks, progress)
    metrics, reasons = compared(images, reference, list(wanted))
    if judge is not None:
        metrics[SIMILARITY] = _similarity(run, there, judge, progress)
    quality = Quality(
        run=run.manifest.id,
        images=len(there),
        images_expected=run.expected.images,
        images_sha256=images.sha256,
        reference=reference.name,
        reference_sha256=reference.sha256,
        reference_images=reference.images,
        networks=dict(images.networks),
        judge=None if judge is None else judge.signature(),
        metrics=metrics,
        reasons=reasons,
    )
    if metrics:
        store(run, quality)
    return quality


def similarity_judge(run: Run, given: str | None, device: str, offline: bool) -> Judge | None:
    """The judge of that name; None for none. Raises UserError for one that gives answers."""
    if given is None:
        return None
    what = "the similarity of image and prompt"
    return judges(given, run.expected.benchmark, what, [EVIDENCE], device, offline)[0]


def _similarity(run: Run, keys: Collection[Key], judge: Judge, progress: Progress) -> float:
    progress.begin("similarity", 0, len(keys))
    total = 0.0
    for key in keys:
        text = run.expected.by_id[key[0]].text
        (found,) = judge.answer([run_image(run, key)], [[text]])[0]
        if not isinstance(found, float):
            raise UserError(
                f"{judge.signature()} gave no similarity for image {key[0]}/{key[1]}: give another "
                "--judge, or leave it out."
            )
        total += found
        progress.advance(1)
    progress.end()
    return total / len(keys)
