"""Training on small pipelines: it learns, it resumes to the same bytes, its file loads."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from spatialbench.backbones.pipelines import load_pipeline
from spatialbench.backbones.sampling import Sampling, resolve_sampling
from spatialbench.errors import UserError
from spatialbench.lora_training import training as lora_training
from spatialbench.lora_training.kept_set import KeptSet
from spatialbench.lora_training.lora_settings import LoraSettings
from spatialbench.lora_training.noising import draw_timesteps
from spatialbench.lora_training.record import claim
from spatialbench.lora_training.training import LORA, train_lora
from spatialbench.methods.lora.layers import layers_of
from spatialbench.methods.lora.lora_file import find_lora, read_lora
from spatialbench.plugins import GenerationSettings
from tests.methods.lora.lora_files import small_unet
from tests.tiny_models import save_pipeline, tiny_sd, tiny_sdxl

SETTINGS = LoraSettings(rank=3, alpha=5.0, steps=6, batch_size=2, learning_rate=0.01, seed=4)


@pytest.fixture(scope="module")
def sampling(tmp_path_factory: pytest.TempPathFactory) -> Sampling:
    """Stable Diffusion's classes around the smallest UNet."""
    pipe = tiny_sd()
    pipe.register_modules(unet=small_unet())
    folder = save_pipeline(pipe, tmp_path_factory.mktemp("sd"))
    return resolve_sampling(GenerationSettings(backbone=str(folder)))


def train(
    kept: KeptSet, sampling: Sampling, folder: Path, settings: LoraSettings = SETTINGS
) -> tuple[bytes, list[str]]:
    lines: list[str] = []
    return train_lora(kept, sampling, settings, folder, lines.append).read_bytes(), lines


def killed_at(step: int) -> Callable[..., Any]:
    """``draw_timesteps`` that is interrupted at the call of that number."""
    calls = iter(range(1000))

    def draw(*args: Any) -> Any:
        if next(calls) == step:
            raise KeyboardInterrupt
        return original(*args)

    original = draw_timesteps
    return draw


def test_killed_and_continued_equals_never_stopped(
    kept: KeptSet, sampling: Sampling, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where a stranger may have put links before, and none is followed.
    (tmp_path / "victim").write_bytes(b"mine")
    (tmp_path / "whole").mkdir()
    for name in (LORA, f".{LORA}.tmp", f".{LORA}.partial.safetensors", ".training.json.tmp"):
        (tmp_path / "whole" / name).symlink_to(tmp_path / "victim")
    whole, _ = train(kept, sampling, tmp_path / "whole")
    assert (tmp_path / "victim").read_bytes() == b"mine"
    for step in (0, 3):
        with monkeypatch.context() as patch:
            patch.setattr(lora_training, "draw_timesteps", killed_at(step))
            with pytest.raises(KeyboardInterrupt):
                train(kept, sampling, tmp_path / "cut")
        assert not (tmp_path / "cut" / lora_training.LORA).exists()
    cut, lines = train(kept, sampling, tmp_path / "cut")
    assert any(line.startswith("continuing at step 3") for line in lines)
    assert cut == whole
    assert train(kept, sampling, tmp_path / "whole")[0] == whole, "after completion"
    other, _ = train(kept, sampling, tmp_path / "other", replace(SETTINGS, seed=5))
    assert other != whole


def test_the_file_holds_the_lora_with_its_alpha(
    kept: KeptSet, sampling: Sampling, tmp_path: Path
) -> None:
    settings = replace(SETTINGS, text_encoder=True, object_weight=3.0)
    train(kept, sampling, tmp_path, settings)
    pipe = load_pipeline(sampling.backbone)
    parts = {"unet": pipe.unet, "text_encoder": pipe.text_encoder}
    layers = layers_of(read_lora(find_lora(str(tmp_path))), parts)
    assert {layer.part for layer in layers} == set(parts)
    assert {layer.scaling for layer in layers} == {5 / 3}
    assert {layer.down.shape[0] for layer in layers} == {3}
    assert all(bool(layer.up.any()) for layer in layers), "every layer has moved"
    said = json.loads((tmp_path / "training.json").read_text())
    assert said["settings"]["text_encoder"] is True
    assert said["data"] == kept.digest
    assert said["version"] == 1
    assert said["optimiser"] == {
        "name": "AdamW",
        "weight_decay": 0.01,
        "ema": 0.995,
        "gradient_clip": 1.0,
        "warmup": 1,
    }


def test_a_training_that_version_0_1_began_is_continued(tmp_path: Path) -> None:
    """Its record did not speak of the optimiser, which was the same."""
    told = {"settings": {"rank": 3}, "version": 1, "optimiser": {"ema": 0.995}}
    record = tmp_path / "training.json"
    record.write_text(json.dumps({"settings": {"rank": 3}}))
    claim(tmp_path, told)
    assert json.loads(record.read_text()) == told, "nobody knows with how many threads"
    with pytest.raises(UserError, match=r"optimiser\.ema: 0\.995 -> 0\.9"):
        claim(tmp_path, told | {"optimiser": {"ema": 0.9}})


@pytest.fixture
def threads_given_back() -> Iterator[None]:
    own = torch.get_num_threads()
    yield
    torch.set_num_threads(own)


@pytest.mark.usefixtures("threads_given_back")
def test_it_goes_on_with_the_threads_it_began_with(
    kept: KeptSet, sampling: Sampling, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spatialbench.stages.surroundings._processors", lambda: 2)
    # Two threads beside another test's wait for each other much longer than they work.
    short = replace(SETTINGS, steps=2)
    with monkeypatch.context() as patch:
        patch.setattr(lora_training, "draw_timesteps", killed_at(0))
        torch.set_num_threads(2)
        with pytest.raises(KeyboardInterrupt):
            train(kept, sampling, tmp_path, short)
    assert json.loads((tmp_path / "training.json").read_text())["threads"] == 2
    torch.set_num_threads(1)
    used: list[int] = []

    def watched(*arguments: Any) -> Any:
        used.append(torch.get_num_threads())
        return draw_timesteps(*arguments)

    monkeypatch.setattr(lora_training, "draw_timesteps", watched)
    _, lines = train(kept, sampling, tmp_path, short)
    assert set(used) == {2}
    assert torch.get_num_threads() == 1
    assert "this training began with 2 thread(s) and goes on with as many, not with 1" in lines[0]


def test_it_learns(kept: KeptSet, sampling: Sampling, tmp_path: Path) -> None:
    settings = replace(SETTINGS, targets="all", rank=8, steps=40, batch_size=6, learning_rate=0.02)
    _, lines = train(kept, sampling, tmp_path, settings)
    losses = [float(line.split()[3]) for line in lines if line.startswith("step ")]
    assert len(losses) == 4
    assert losses[-1] < 0.97 * losses[0]


def test_sdxl(kept: KeptSet, tmp_path: Path) -> None:
    folder = save_pipeline(tiny_sdxl(), tmp_path / "sdxl")
    sampling = resolve_sampling(GenerationSettings(backbone=str(folder)))
    train(kept, sampling, tmp_path / "lora", replace(SETTINGS, steps=1))
    pipe = load_pipeline(sampling.backbone)
    layers = layers_of(read_lora(find_lora(str(tmp_path / "lora"))), {"unet": pipe.unet})
    assert len(layers) > 8


def test_other_settings_in_the_same_folder_are_refused(
    kept: KeptSet, sampling: Sampling, tmp_path: Path
) -> None:
    train(kept, sampling, tmp_path, replace(SETTINGS, steps=1))
    with pytest.raises(UserError, match=r"settings\.rank: 3 -> 4.*another --folder"):
        train(kept, sampling, tmp_path, replace(SETTINGS, steps=1, rank=4))
    fewer = copy.copy(kept)
    with pytest.raises(UserError, match="data: "):
        train(replace(fewer, digest="0" * 64), sampling, tmp_path, replace(SETTINGS, steps=1))


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"rank": 0}, "--rank 0 is out of range"),
        ({"learning_rate": float("nan")}, "--learning-rate nan"),
        ({"pure_noise": 1.5}, "--pure-noise 1.5 is out of range"),
        ({"targets": "atention"}, "did you mean attention"),
    ],
)
def test_settings_out_of_range(values: dict[str, Any], match: str) -> None:
    with pytest.raises(UserError, match=match):
        LoraSettings(**values)


def test_a_broken_image_is_named(kept: KeptSet, sampling: Sampling, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "0.png").write_bytes(b"no image")
    broken = replace(kept, folder=tmp_path)
    with pytest.raises(UserError, match=r"0\.png cannot be read"):
        train(broken, sampling, tmp_path / "lora")
    assert torch.is_grad_enabled()
