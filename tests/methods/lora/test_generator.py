"""The method: images with and without the LoRA, its identity, and what it refuses."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from spatialbench.backbones.pipelines import load_pipeline
from spatialbench.backbones.sampling import resolve_sampling
from spatialbench.errors import UserError
from spatialbench.methods.esplora import PLUGIN as ESPLORA
from spatialbench.methods.lora import PLUGIN
from spatialbench.methods.stable_diffusion import PLUGIN as PLAIN
from spatialbench.plugins import GenerationSettings, ImageRequest
from spatialbench.prompts import Prompt
from tests.imported_modules import imported_by
from tests.methods.lora.lora_files import kohya, random_lora, write
from tests.tiny_models import edit_json

REQUESTS = [ImageRequest(Prompt(str(i), "a dog above a cat", "above"), 0, 42 + i) for i in range(2)]


def settings(folder: Path, **values: Any) -> GenerationSettings:
    return GenerationSettings(backbone=str(folder), steps=2, **values)


@pytest.fixture(scope="module")
def lora(sd_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for the UNet and the text encoder."""
    pipe = load_pipeline(resolve_sampling(settings(sd_folder)).backbone)
    tensors = kohya(random_lora(pipe.unet, ("attn2.to_k", "attn2.to_v")))
    tensors |= kohya(random_lora(pipe.text_encoder, ("q_proj", "fc1")), "lora_te_")
    return write(tmp_path_factory.mktemp("lora") / "lora.safetensors", tensors)


def images(plugin: Any, folder: Path, **parameters: Any) -> list[bytes]:
    generator = plugin.configure(settings(folder), parameters)
    return [image.tobytes() for image in generator.generate(REQUESTS)]


def test_the_lora_changes_the_images_and_scale_zero_does_not(sd_folder: Path, lora: Path) -> None:
    plain = images(PLAIN, sd_folder)
    assert images(PLUGIN, sd_folder, lora=str(lora), scale=0) == plain
    whole = images(PLUGIN, sd_folder, lora=str(lora))
    assert whole != plain
    assert images(PLUGIN, sd_folder, lora=str(lora), scale=0.5) not in (whole, plain)


def test_the_file_s_content_is_in_the_identity_and_its_place_is_not(
    sd_folder: Path, lora: Path, tmp_path: Path
) -> None:
    def identity(file: Path, **parameters: Any) -> dict[str, Any]:
        chosen = {"lora": str(file), **parameters}
        return PLUGIN.configure(settings(sd_folder), chosen).identity()

    first = identity(lora)
    assert (first["method"], first["parameters"]["scale"]) == ("lora", 1.0)
    assert "marks" not in first
    elsewhere = tmp_path / "adapter_model.safetensors"  # the name that peft reads
    shutil.copy(lora, elsewhere)
    assert identity(elsewhere) == first
    assert identity(lora, scale=0.5) != first
    (tmp_path / "adapter_config.json").write_text("{}")
    assert identity(elsewhere) != first, "the configuration holds the alpha"
    edit_json(tmp_path / "adapter_config.json", lora_alpha=2)
    with elsewhere.open("ab") as file:
        file.write(b" ")
    changed = identity(elsewhere)
    assert changed["lora"]["sha256"] != first["lora"]["sha256"]
    assert changed["lora"]["name"] == changed["lora"]["sha256"][:7]


def test_what_it_refuses(sd_folder: Path, sdxl_folder: Path, lora: Path) -> None:
    with pytest.raises(UserError, match=r"lora needs a LoRA: give --set lora=FILE"):
        PLUGIN.configure(settings(sd_folder), {})
    with pytest.raises(UserError, match="unknown parameter of lora 'lara'"):
        PLUGIN.configure(settings(sd_folder), {"lara": "x"})
    misfit = PLUGIN.configure(settings(sdxl_folder), {"lora": str(lora)})
    with pytest.raises(UserError, match=r"keys match this backbone|made for another model"):
        misfit.generate(REQUESTS)


def test_esplora_is_for_loras_of_its_recipe(sd_folder: Path, lora: Path, tmp_path: Path) -> None:
    def refused(file: Path) -> None:
        with pytest.raises(UserError, match=r"does not say that .* --method lora"):
            ESPLORA.configure(settings(sd_folder), {"lora": str(file)})

    def marked(file: Path) -> dict[str, Any]:
        identity = ESPLORA.configure(settings(sd_folder), {"lora": str(file)}).identity()
        assert (identity["method"], identity["marks"]) == ("esplora", ["reconstruction"])
        return identity

    with pytest.raises(UserError, match=r"needs a LoRA: .* --set lora=FILE.*esplora train"):
        ESPLORA.configure(settings(sd_folder), {})
    refused(lora)
    told = tmp_path / "told.safetensors"
    save_file(load_file(lora), told, {"spatialbench_recipe": "esplora/1"})
    ours = marked(told)
    plain = PLUGIN.configure(settings(sd_folder), {"lora": str(told)}).identity()
    same = {key: value for key, value in ours.items() if key != "marks"}
    assert plain == same | {"method": "lora"}
    other = tmp_path / "other.safetensors"
    save_file(load_file(lora), other, {"spatialbench_recipe": "mine/1"})
    refused(other)

    # Version 0.1 wrote no recipe, and a record of the training beside its file.
    (tmp_path / "trained").mkdir()
    shutil.copy(lora, trained := tmp_path / "trained" / "pytorch_lora_weights.safetensors")
    refused(trained)
    record = tmp_path / "trained" / "training.json"
    for text in ("not json", "[]", '{"backbone": {}}'):
        record.write_text(text)
        refused(trained)
    record.write_text('{"backbone": {}, "data": "x", "dtype": "float32", "settings": {}}')
    marked(trained)
    shutil.copy(lora, stranger := tmp_path / "trained" / "another.safetensors")
    refused(stranger)


@pytest.mark.parametrize("module", ["esplora", "lora"])
def test_importing_the_plugin_imports_nothing_heavy(module: str) -> None:
    code = f"from spatialbench.methods.{module} import PLUGIN; PLUGIN.parameters"
    assert not {"torch", "diffusers", "transformers", "peft"} & imported_by(code)
