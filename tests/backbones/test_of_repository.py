"""What a repository says of itself, and what is refused before anything big is downloaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spatialbench.backbones.named import Chosen, choose, resolve
from spatialbench.errors import UserError
from spatialbench.lab import BACKBONE, TRANSFORMER
from spatialbench.methods.stable_diffusion import PLUGIN
from spatialbench.plugins import Defaults, GenerationSettings, ImageRequest
from spatialbench.prompts import Prompt
from spatialbench.weights.hub import Unreachable
from tests.hub_server import Hub
from tests.tiny_pipelines import made


def index(class_name: object, **parts: list[str]) -> bytes:
    return json.dumps({"_class_name": class_name, **parts}).encode()


UNET = ["diffusers", "UNet2DConditionModel"]
REFUSED: dict[str, tuple[dict[str, bytes], str]] = {
    "a LoRA": (
        {"pytorch_lora_weights.safetensors": b"x", "README.md": b""},
        r"holds a LoRA and no model .*--set lora=org/model@\w{40} --backbone THE MODEL",
    ),
    "a LoRA of peft": (
        {"adapter_config.json": b"{}", "adapter_model.safetensors": b"x"},
        r"holds a LoRA and no model",
    ),
    "single files": (
        {"model-v1.safetensors": b"x", "model-v1.ckpt": b"x"},
        r"holds single files of weights \(model-v1\.ckpt, model-v1\.safetensors\)",
    ),
    "one model": (
        {"config.json": b"{}", "model.safetensors": b"x"},
        r"holds one model of its own \(it has a config\.json",
    ),
    "nothing": ({"README.md": b""}, r"not a diffusers pipeline \(it has no model_index\.json"),
    "images to images": (
        {"model_index.json": index("StableDiffusionXLImg2ImgPipeline")},
        r"holds a StableDiffusionXLImg2ImgPipeline, which .* given.*expected a text-to-image",
    ),
    "an editor": (
        {"model_index.json": index("StableDiffusionInstructPix2PixPipeline")},
        r"holds a StableDiffusionInstructPix2PixPipeline, which .* given",
    ),
    "videos": (
        {"model_index.json": index("WanPipeline")},
        r"holds a WanPipeline, which makes videos",
    ),
    "code of its own": (
        {"model_index.json": index(["pipeline", "Mine"])},
        r"a pipeline with code of its own .* is not run here.*--method path/to/file\.py:NAME",
    ),
    "no class": (
        {"model_index.json": b"{}"},
        r"holds a model_index\.json that names no class of pipelines",
    ),
    "a class that nobody knows": (
        {"model_index.json": index("SomethingNewPipeline")},
        r"holds a SomethingNewPipeline.*--method path/to/file\.py:NAME",
    ),
    "pickles": (
        {
            "model_index.json": index("StableDiffusionPipeline", unet=UNET),
            "unet/config.json": b"{}",
            "unet/diffusion_pytorch_model.bin": b"x",
        },
        r"only pickled weights of its unet \(diffusion_pytorch_model\.bin\).*\.safetensors",
    ),
    "weights under odd names": (
        {
            "model_index.json": index("StableDiffusionPipeline", unet=UNET),
            "unet/config.json": b"{}",
            "unet/diffusion_pytorch_model.non_ema.safetensors": b"x",
        },
        r"weights of its unet under names that no library loads .*non_ema",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_text_to_image_pipeline_is_refused_by_its_small_files(
    what: str, hub: Hub, tmp_path: Path
) -> None:
    files, message = REFUSED[what]
    commit = hub.put("org/model", files)
    for name in (f"org/model@{commit}", "org/model"):
        with pytest.raises(UserError, match=message):
            resolve(name)
    assert set(hub.files_asked()) <= {"model_index.json"}
    assert not (tmp_path / "hub").exists()


def test_a_lora_says_the_model_it_was_made_from(hub: Hub) -> None:
    commit = hub.put("org/lora", {"adapter_config.json": b"{}"}, base="stabilityai/sdxl")
    said = f"--method lora --set lora=org/lora@{commit} --backbone stabilityai/sdxl"
    with pytest.raises(UserError, match=said):
        resolve("org/lora")


def test_what_a_lora_is_told_by(hub: Hub) -> None:
    hub.put("org/tagged", {"style.safetensors": b"x"}, tags=("text-to-image", "lora"))
    hub.put("org/camel", {"myStyleLora_v2.safetensors": b"x"})
    hub.put("org/flora", {"flora.safetensors": b"x"})
    for name, lora in (("org/tagged", True), ("org/camel", True), ("org/flora", False)):
        with pytest.raises(UserError, match="holds a LoRA" if lora else "holds single files"):
            resolve(name)


def test_a_folder_or_file_is_told_the_same(tmp_path: Path) -> None:
    for what, (files, message) in REFUSED.items():
        folder = tmp_path / "org" / "model" / what
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        if what in ("pickles", "weights under odd names", "no class"):
            continue  # loading says it of a folder
        with pytest.raises(UserError, match=message.replace(r"org/model@\w{40}", ".*")):
            resolve(str(folder)).weights.identity()
    (tmp_path / "model.safetensors").write_bytes(b"x")
    (tmp_path / "my_lora.safetensors").write_bytes(b"x")
    with pytest.raises(UserError, match="holds single files of weights"):
        resolve(str(tmp_path / "model.safetensors"))
    with pytest.raises(UserError, match="holds a LoRA and no model"):
        resolve(str(tmp_path / "my_lora.safetensors"))


def test_the_library_s_own_switch_is_heeded(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = hub.put("org/model", BACKBONE)
    resolve("org/model").weights.fetch()
    hub.asked.clear()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    chosen = choose("org/model", offline=False)
    assert chosen.name == f"org/model@{commit}"
    assert "HF_HUB_OFFLINE is set" in chosen.told
    assert hub.asked == []


def test_a_repository_that_is_not_there(hub: Hub) -> None:
    with pytest.raises(UserError, match="there is no repository org/nothing on the Hub"):
        resolve("org/nothing")
    hub.put("org/model", BACKBONE)
    commit = "0123456789abcdef0123456789abcdef01234567"
    with pytest.raises(UserError, match=f"org/model has no commit {commit}"):
        resolve(f"org/model@{commit}")
    for typed in ("stabilityai/stable-diffusion-3.5-larg", "Qwen/QwenImage", "qwen/qwen-imag"):
        with pytest.raises(UserError, match=r"Did you mean .*\((sd3\.5-large|qwen-image)\)"):
            resolve(typed)


def test_one_behind_a_licence_is_told_at_once(hub: Hub, tmp_path: Path) -> None:
    hub.put("org/model", BACKBONE, gated=True)
    hub.put("stabilityai/stable-diffusion-3.5-large", TRANSFORMER, gated=True)
    for name in ("org/model", "sd3.5-large", "stabilityai/stable-diffusion-3.5-large"):
        with pytest.raises(UserError, match=r"accept it at https://huggingface.co/\w+.*hf auth"):
            resolve(name)


def test_the_newest_commit(hub: Hub, tmp_path: Path) -> None:
    first = hub.put("org/model", BACKBONE)
    second = hub.put("org/model", BACKBONE)
    assert choose("org/model", offline=False) == Chosen(
        f"org/model@{second}",
        "org/model",
        f"org/model: the newest commit, {second} ('@{second}' pins it)",
    )
    assert resolve("org/model").weights.sources[0].revision == second
    for pinned in (f"org/model@{first}", "lab", "sd1.4", str(BACKBONE)):
        assert choose(pinned, offline=False) == Chosen(pinned)


def test_the_cache_stands_in_where_the_hub_cannot_be_asked(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'spatialbench fetch org/model' first, then run offline"):
        choose("org/model", offline=True)
    first = hub.put("org/model", BACKBONE)
    resolve("org/model").weights.fetch()
    assert (tmp_path / "hub/models--org--model/refs/main").read_text() == first
    offline = choose("org/model", offline=True)
    assert offline.name == f"org/model@{first}"
    assert offline.told == f"org/model: the commit in the cache, {first} (offline)"
    # Another commit, pinned, does not become the one that the name stands for.
    second = hub.put("org/model", BACKBONE)
    resolve(f"org/model@{second}").weights.fetch()
    assert choose("org/model", offline=True).name == f"org/model@{first}"
    hub.down = True
    silent = choose("org/model", offline=False)
    assert silent.name == f"org/model@{first}"
    assert "cannot be reached" in silent.told
    (tmp_path / "hub/models--org--model/refs/main").unlink()
    assert choose("org/model", offline=True).name == f"org/model@{second}", "the last downloaded"


def test_a_hub_that_is_down_and_an_empty_cache(hub: Hub) -> None:
    hub.down = True
    with pytest.raises(Unreachable, match=r"cannot fetch org/model: .* cannot be reached"):
        resolve("org/model")
    # Of a commit the kind is taken for granted until it is here.
    assert resolve("org/model@" + "0" * 40).family.called == "Stable Diffusion"


def test_a_repository_is_run_with_what_its_folder_is(hub: Hub) -> None:
    hub.put("org/lab", BACKBONE)
    hub.put("org/mmdit", TRANSFORMER)
    for repository, folder in (("org/lab", BACKBONE), ("org/mmdit", TRANSFORMER)):
        asked, there = resolve(repository), resolve(str(folder))
        assert asked.family == there.family
        assert asked.known_architecture is there.known_architecture
        ours, theirs = asked.defaults, there.defaults
        assert (ours.steps, ours.guidance_scale, ours.scheduler, ours.text_length) == (
            *(theirs.steps, theirs.guidance_scale, theirs.scheduler, theirs.text_length),
        )
        asked.weights.fetch()
        assert resolve(repository).defaults == ours, "the same when it is in the cache"


def test_only_the_files_of_the_pipeline_are_fetched(hub: Hub) -> None:
    files: dict[str, Any] = {
        path.relative_to(BACKBONE).as_posix(): path.read_bytes()
        for path in BACKBONE.rglob("*")
        if path.is_file()
    }
    others = (
        *("all.safetensors", "unet/diffusion_pytorch_model.bin", "README.md", "image.png"),
        *("unet/diffusion_pytorch_model.fp16.safetensors", "text_encoders/clip_g.safetensors"),
        *("text_encoder/modeling.py", "safety_checker/model.safetensors", "vae/deep/x.safetensors"),
    )
    hub.put("org/model", files | dict.fromkeys(others, b"x"))
    folder = resolve("org/model").weights.fetch()
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert there == {name for name in files if name != "README.md"}


def test_a_download_that_broke_off_is_completed(hub: Hub) -> None:
    hub.put("org/model", BACKBONE)
    weights = resolve("org/model").weights
    folder = weights.fetch()
    (folder / "unet/diffusion_pytorch_model.safetensors").unlink()
    again = resolve("org/model").weights
    with pytest.raises(UserError, match="not in the local cache"):
        again.locate(offline=True)
    assert again.locate(offline=False) == folder
    assert (folder / "unet/diffusion_pytorch_model.safetensors").is_file()


def test_a_named_backbone_without_a_pin(hub: Hub) -> None:
    commit = hub.put("stabilityai/stable-diffusion-3.5-large", TRANSFORMER)
    chosen = choose("sd3.5-large", offline=False)
    assert (chosen.name, chosen.moving) == (f"sd3.5-large@{commit}", "sd3.5-large")
    found = resolve(chosen.name)
    assert found.identity() == {
        "name": "sd3.5-large",
        "source": "stabilityai/stable-diffusion-3.5-large",
        "revision": commit,
    }
    assert found.family.called == "SD3"
    with pytest.raises(UserError, match=f"'spatialbench fetch sd3.5-large@{commit}' first"):
        found.weights.locate(offline=True)
    changed = hub.put("stabilityai/stable-diffusion-3.5-large", BACKBONE)
    with pytest.raises(UserError, match="is no StableDiffusion3Pipeline any more"):
        resolve(f"sd3.5-large@{changed}")


def test_a_special_precision_is_fetched_where_there_is_nothing_plain(hub: Hub) -> None:
    plain = "unet/diffusion_pytorch_model.safetensors"
    special = "unet/diffusion_pytorch_model.fp16.safetensors"
    files = {
        "model_index.json": index("KolorsPipeline", unet=UNET, image_encoder=UNET),
        "unet/config.json": b"{}",
        special: b"x",
        "image_encoder/model.safetensors": b"x",
    }
    hub.put("org/model", files)
    assert resolve("org/model").weights.files.match(special)
    hub.put("org/model", {**files, plain: b"x"})
    found = resolve("org/model").weights.files
    assert found.match(plain)
    assert not found.match(special)
    assert not found.match("image_encoder/model.safetensors"), "it decides no image of a text"


@pytest.mark.parametrize(
    ("class_name", "config", "guidance"),
    [
        ("StableDiffusionPipeline", {"cross_attention_dim": 768, "sample_size": 64}, 7.5),
        ("StableDiffusionPipeline", {"cross_attention_dim": 1024, "sample_size": 96}, 7.5),
        ("StableDiffusionXLPipeline", {"addition_embed_type": "text_time"}, 5.0),
    ],
)
def test_a_unet_s_own_size_and_the_guidance_of_its_kind(
    hub: Hub, class_name: str, config: dict[str, Any], guidance: float
) -> None:
    hub.put(
        "org/model",
        {
            "model_index.json": index(class_name),
            "unet/config.json": json.dumps(config).encode(),
            "vae/config.json": b'{"block_out_channels": [1, 1, 1, 1]}',
        },
    )
    assert resolve("org/model").defaults == Defaults(guidance_scale=guidance)


@pytest.mark.parametrize(("name", "variant"), [("z-image", None), ("kolors", "fp16")])
def test_a_pipeline_of_any_class_is_the_same_from_the_hub_and_from_a_folder(
    hub: Hub, tmp_path: Path, name: str, variant: str | None
) -> None:
    import torch

    pipe = made(name)
    if variant:
        pipe.to(torch.float16)
    pipe.save_pretrained(tmp_path / "model", variant=variant)
    hub.put("org/model", tmp_path / "model")
    found = {}
    for backbone in (str(tmp_path / "model"), "org/model"):
        settings = GenerationSettings(backbone=backbone, steps=1, width=32, height=32)
        method = PLUGIN.configure(settings, {})
        method.download()
        identity = method.identity()
        del identity["backbone"]
        request = ImageRequest(Prompt("0", "a dog above a cat", "above"), 0, 42)
        found[backbone] = (identity, method.generate([request])[0].tobytes())
    one, other = found.values()
    assert one == other
