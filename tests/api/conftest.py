"""An empty working folder, the stranger's plug-ins, and the lab's pipeline as an object."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spatialbench.lab import BACKBONE


@pytest.fixture(autouse=True)
def empty_folder(plugin_package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def lab_pipe() -> Any:
    import torch
    from diffusers import StableDiffusionPipeline

    return StableDiffusionPipeline.from_pretrained(BACKBONE, dtype=torch.float32)
