"""FID, KID and CMMD of a run against reference images, as a file of the run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ...errors import UserError
from ...files.documents import first_error, read_limited
from ...files.regular_files import names_below
from ...runs.files import make_folder, write_atomic
from ...runs.names import slug
from ...runs.opening import Run
from ...statistics.image_sets import cmmd, frechet_distance, kid
from .networks import CLIP, INCEPTION
from .references import ImageSet

FOLDER = "quality"
FID, KID, KID_SPREAD, CMMD, SIMILARITY = "FID", "KID", "KID_spread", "CMMD", "similarity"
NEEDS: Mapping[str, str] = {FID: INCEPTION, KID: INCEPTION, CMMD: CLIP}
"""By metric the network it is made of."""

KID_SCALE = 1000
"""KID is given times 1,000, as is common."""


class Quality(BaseModel):
    """What was measured of a run's images.

    Attributes:
        run: its id.
        images: how many of its images were compared.
        images_expected: how many it should have.
        images_sha256: of the compared images; the numbers are of no others.
        reference: the name of the reference set.
        reference_sha256: of its images, or of the file.
        reference_images: how many; None where a file does not say.
        networks: identities of the networks.
        judge: signature of what gave ``similarity``; None for nobody.
        metrics: by key. ``KID`` is times 1,000, ``KID_spread`` its standard deviation over subsets.
        reasons: by key of a metric that was asked for and is not given, why.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    images: int
    images_expected: int
    images_sha256: str
    reference: str
    reference_sha256: str
    reference_images: int | None
    networks: dict[str, Any]
    judge: str | None = None
    metrics: dict[str, float]
    reasons: dict[str, str]


def compared(
    images: ImageSet, reference: ImageSet, wanted: list[str]
) -> tuple[dict[str, float], dict[str, str]]:
    """The metrics that two sets allow, and why others are not given.

    FID is refused where a set has no more images than a feature has numbers: its covariance is
    then without full rank, and the number says more of the count than of the images.

    Raises:
        UserError: a reference whose features were made by another network.
    """
    metrics: dict[str, float] = {}
    reasons: dict[str, str] = {}
    for key in wanted:
        network = NEEDS[key]
        _same_network(images, reference, network)
        if key == FID:
            why = _few(images, reference)
            own, other = images.moments, reference.moments
            if why is None and (own is None or other is None):
                why = f"{reference.name} holds no Inception features"
            if why is not None:
                reasons[FID] = why
            elif own is not None and other is not None:
                metrics[FID] = frechet_distance(own, other)
            continue
        if network not in reference.features:
            reasons[key] = (
                f"{reference.name} holds only mean and covariance, and {key} needs the features of "
                "each image: give the folder of the reference images"
            )
            continue
        pair = (images.features[network], reference.features[network])
        if key == KID:
            mean, spread = kid(*pair)
            metrics |= {KID: KID_SCALE * mean, KID_SPREAD: KID_SCALE * spread}
        else:
            metrics[CMMD] = cmmd(*pair)
    return metrics, reasons


def store(run: Run, quality: Quality) -> Path:
    """Write what was measured against one reference; what it replaces is of the same one."""
    path = run.path / FOLDER / f"{slug(quality.reference)}-{quality.reference_sha256[:7]}.json"
    make_folder(path.parent, run.path)
    text = json.dumps(quality.model_dump(), indent=2, sort_keys=True, allow_nan=False)
    write_atomic(path, f"{text}\n".encode(), run.directory.scratch)
    return path


def stored(run: Path) -> list[Quality]:
    """What was measured of a run, by the name of the reference.

    Raises:
        UserError: a damaged file.
    """
    found = []
    for name in sorted(names_below(run, run / FOLDER)):
        path = run / FOLDER / name
        try:
            found.append(Quality.model_validate_json(read_limited(path, below=run)))
        except (OSError, ValueError) as error:
            why = first_error(error) if isinstance(error, ValidationError) else str(error)
            raise UserError(
                f"{path} is damaged ({why}): delete it and measure again with 'spatialbench "
                f"quality {run} --reference FOLDER'."
            ) from error
    return found


def _few(images: ImageSet, reference: ImageSet) -> str | None:
    """Why there are too few images for FID; None where there are enough, or nobody knows."""
    for one in (reference, images):
        own = one.moments
        width = 0 if own is None else len(own[0])
        if one.images is not None and one.images <= width:
            return (
                f"{one.name} has {one.images:,} images, and a covariance of {width:,} features "
                "needs more; KID has no such limit"
            )
    return None


def _same_network(images: ImageSet, reference: ImageSet, network: str) -> None:
    own, other = images.networks.get(network), reference.networks.get(network)
    if own is not None and other is not None and own != other:
        raise UserError(
            f"the features of {reference.name} were made by another network ({network}): other "
            "weights or another preparation; make the statistics file again with "
            "'--write-statistics', or give the folder of the reference images."
        )
