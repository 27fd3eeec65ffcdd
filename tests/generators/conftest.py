"""Small pipelines on disk, shared by every generator's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tiny_models import clip_tokenizer, save_pipeline, tiny_sd, tiny_sdxl


@pytest.fixture(scope="session")
def sd_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A noise-predicting StableDiffusionPipeline with a word-level tokenizer."""
    return save_pipeline(tiny_sd(), tmp_path_factory.mktemp("sd"))


@pytest.fixture(scope="session")
def velocity_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A velocity-predicting StableDiffusionPipeline with a CLIP tokenizer."""
    pipe = tiny_sd(clip_tokenizer(), prediction_type="v_prediction")
    return save_pipeline(pipe, tmp_path_factory.mktemp("velocity"))


@pytest.fixture(scope="session")
def sdxl_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A StableDiffusionXLPipeline with two text encoders."""
    return save_pipeline(tiny_sdxl(), tmp_path_factory.mktemp("sdxl"))
