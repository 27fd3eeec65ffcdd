"""Which metrics two sets allow, from features, from moments, and through a statistics file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spatialbench.errors import UserError
from spatialbench.stages.quality.measure import compared
from spatialbench.stages.quality.networks import CLIP, INCEPTION
from spatialbench.stages.quality.references import ImageSet, read_statistics, statistics_bytes
from spatialbench.statistics.image_sets import frechet_distance, moments

ALL = ["FID", "KID", "CMMD"]


def images(count: int, seed: int, weights: str = "a") -> ImageSet:
    generator = np.random.default_rng(seed)
    features = {name: generator.standard_normal((count, 4)) for name in (INCEPTION, CLIP)}
    networks = {name: {"weights": weights} for name in features}
    return ImageSet(f"set-{seed}", count, "0" * 64, features, networks=networks)


def test_a_statistics_file_gives_what_its_images_give(tmp_path: Path) -> None:
    own, other = images(20, 1), images(30, 2)
    metrics, reasons = compared(own, other, ALL)
    assert reasons == {}
    expected = frechet_distance(
        moments(own.features[INCEPTION]), moments(other.features[INCEPTION])
    )
    assert metrics["FID"] == expected
    file = tmp_path / "kept.npz"
    file.write_bytes(statistics_bytes(other))
    again, _ = compared(own, read_statistics(file), ALL)
    # Kept features are float32.
    assert again == pytest.approx(metrics, rel=1e-4, abs=1e-4)
    with np.load(file) as kept:
        np.savez(tmp_path / "fid.npz", mu=kept["mu"], sigma=kept["sigma"])
    moments_only = read_statistics(tmp_path / "fid.npz")
    assert (moments_only.name, moments_only.images) == ("fid", None)
    bare, why = compared(own, moments_only, ALL)
    assert bare == {"FID": pytest.approx(expected, rel=1e-9)}
    assert set(why) == {"KID", "CMMD"}
    assert "holds only mean and covariance" in why["KID"]


@pytest.mark.parametrize(("own", "other"), [(4, 30), (30, 4)])
def test_fid_needs_more_images_than_features(own: int, other: int) -> None:
    metrics, reasons = compared(images(own, 1), images(other, 2), ALL)
    assert set(metrics) == {"KID", "KID_spread", "CMMD"}
    assert "has 4 images, and a covariance of 4 features needs more" in reasons["FID"]
    enough, _ = compared(images(5, 1), images(5, 2), ["FID"])
    assert set(enough) == {"FID"}


def test_features_of_another_network_are_refused() -> None:
    with pytest.raises(UserError, match="were made by another network"):
        compared(images(20, 1), images(20, 2, weights="b"), ["KID"])
