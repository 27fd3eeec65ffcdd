"""Which images a folder of references stands for."""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from spatialbench.errors import UserError
from spatialbench.runs.packing import pack
from spatialbench.stages.quality.networks import CLIP
from spatialbench.stages.quality.references import of_folder
from spatialbench.stages.whole import run_all
from tests.stages.fakes import Log, Shapes, open_shapes, work

from .means import Means


def told(folder: Path) -> dict[str, Any]:
    """Everything but the folder's name."""
    found = asdict(replace(of_folder(folder, [Means(CLIP)], Log()), name=""))
    return {**found, "features": found["features"][CLIP].tolist()}


def test_of_a_run_its_finished_images_in_files_or_in_packs(tmp_path: Path) -> None:
    run = open_shapes(tmp_path / "run", Shapes(12, 2))
    run_all(run, work(), Log())
    shutil.copytree(run.directory.images, tmp_path / "photographs")
    expected = told(tmp_path / "photographs")
    assert expected["images"] == 24
    assert told(run.path) == expected
    # A page of the run, a depth map, and an image without a record are no images of it.
    some = run.directory.image_path("3", 1)
    for other in ("gallery/images/A/3_1.png", "depth/model@1/3/1.png", "images/3/7.png"):
        (run.path / other).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(some, run.path / other)
    assert told(run.path) == expected
    pack(run, Log())
    assert run.directory.is_packed(("3", 1))
    assert told(run.path) == expected


def test_a_run_without_images_is_no_reference(tmp_path: Path) -> None:
    open_shapes(tmp_path / "run", Shapes(1, 1))
    with pytest.raises(UserError, match=r"holds no image .* a run that has some"):
        of_folder(tmp_path / "run", [Means(CLIP)], Log())
