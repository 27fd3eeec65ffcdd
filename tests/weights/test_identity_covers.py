"""Whatever file of a model folder changes: either its identity does, or what is loaded does not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from spatialbench.backbones.checkpoint import PIPELINE_FILES
from spatialbench.backbones.named import resolve
from spatialbench.backbones.pipelines import load_pipeline
from spatialbench.errors import UserError
from spatialbench.weights.hashing import folder_hash
from spatialbench.weights.origin import MODEL_FILES, Weights
from tests.tiny_models import save_pipeline, save_tiny_owlvit, tiny_flux, tiny_sd


def state_of(folder: Path) -> Any:
    """Everything of a loaded pipeline that decides an image."""
    pipe = load_pipeline(resolve(str(folder)))
    names = ("unet", "transformer", "vae", "text_encoder", "text_encoder_2")
    models = [getattr(pipe, name) for name in names if getattr(pipe, name, None) is not None]
    tokenizers = [getattr(pipe, name, None) for name in ("tokenizer", "tokenizer_2")]
    words = "a dog above a cat hot wine"
    return (
        [{key: value.numpy().tobytes() for key, value in m.state_dict().items()} for m in models],
        [{**m.config, "_name_or_path": 0} if isinstance(m.config, dict) else 0 for m in models],
        [one(words).input_ids for one in tokenizers if one is not None],
        {**pipe.scheduler.config, "_name_or_path": 0},
    )


def crowded(folder: Path) -> Path:
    """A pipeline in parts, with everything beside it that people's folders hold."""
    pipe = tiny_sd()
    save_pipeline(pipe, folder)
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    pipe.unet.save_pretrained(folder / "unet", max_shard_size="1MB")
    text = folder / "text_encoder"
    shutil.copy(text / "model.safetensors", text / "model.fp16.safetensors")
    shutil.copy(text / "model.safetensors", text / "other.safetensors")
    (text / "pytorch_model.bin").write_bytes(b"pickled")
    (folder / "vae" / "diffusion_pytorch_model.bin").write_bytes(b"pickled")
    (folder / "vae" / "diffusion_pytorch_model.non_ema.safetensors").write_bytes(b"x")
    (folder / "README.md").write_text("card")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "x.json").write_text("{}")
    (folder / "safety_checker").mkdir()
    (folder / "safety_checker" / "config.json").write_text("{}")
    (folder / "tokenizer" / "spiece.model").write_bytes(b"unused")
    # One part of the UNet has a name that the patterns leave out, and one is a link.
    unet = folder / "unet"
    (index,) = unet.glob("*.index.json")
    first, second, *_ = sorted(path.name for path in unet.glob("*.safetensors"))
    index.write_text(index.read_text().replace(first, "part.fp16.safetensors"))
    (unet / first).rename(unet / "part.fp16.safetensors")
    (unet / second).rename(folder.parent / "blob")
    (unet / second).symlink_to(folder.parent / "blob")
    # A whole part is a link to a folder elsewhere.
    (folder / "vae").rename(folder.parent / "vae")
    (folder / "vae").symlink_to(folder.parent / "vae")
    return folder


def altered(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1]) + b" "


def identity_of(folder: Path) -> str:
    """The folder's hash; nothing where it is refused."""
    try:
        return folder_hash(folder, PIPELINE_FILES)
    except UserError:
        return ""


def test_every_file_of_a_pipeline(tmp_path: Path) -> None:
    folder = crowded(tmp_path / "model")
    identity, state = folder_hash(folder, PIPELINE_FILES), state_of(folder)
    places = [folder, folder / "vae"]
    files = {path for place in places for path in place.rglob("*") if path.is_file()}
    changed: set[str] = set()
    idle: set[str] = set()
    sound = {path: path.read_bytes() for path in files}
    for path, content in sound.items():
        path.write_bytes(altered(content))
        name = path.relative_to(folder).as_posix()
        (idle if identity_of(folder) == identity else changed).add(name)
        path.write_bytes(content)
    assert identity_of(folder) == identity
    for name in idle:
        path = folder / name
        path.write_bytes(altered(path.read_bytes()))
    assert identity_of(folder) == identity
    assert state_of(folder) == state, f"one of {sorted(idle)} decides and is not in the identity"
    assert "unet/part.fp16.safetensors" in changed
    assert "vae/diffusion_pytorch_model.safetensors" in changed
    assert "scheduler/scheduler_config.json" in changed
    assert {"README.md", "text_encoder/model.fp16.safetensors", "tokenizer/spiece.model"} <= idle


def test_other_parts_are_other_images_and_another_identity(tmp_path: Path) -> None:
    """The reported attack: the part behind an index is exchanged, the rest stays."""
    from safetensors.torch import load_file, save_file

    folder = crowded(tmp_path / "model")
    before, state = folder_hash(folder, PIPELINE_FILES), state_of(folder)
    for name in ("unet/part.fp16.safetensors", "vae/diffusion_pytorch_model.safetensors"):
        path = folder / name
        tensors = load_file(path)
        save_file({key: value + 0.5 for key, value in tensors.items()}, path, {"format": "pt"})
        assert state_of(folder) != state
        assert folder_hash(folder, PIPELINE_FILES) != before
        save_file(tensors, path, {"format": "pt"})


def test_an_index_that_leads_out_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    folder = crowded(tmp_path / "model")
    (index,) = (folder / "unet").glob("*.index.json")
    shutil.copy(folder / "unet" / "part.fp16.safetensors", tmp_path / "out.safetensors")
    sound = index.read_text()
    for name in ("../../out.safetensors", str(tmp_path / "out.safetensors"), "part.bin", ".h"):
        index.write_text(sound.replace("part.fp16.safetensors", name))
        with pytest.raises(UserError, match=r"index\.json names"):
            resolve(str(folder)).identity()


def test_a_vocabulary_without_a_tokenizer_file_counts(tmp_path: Path) -> None:
    folder = save_pipeline(tiny_flux(), tmp_path / "flux")
    second = folder / "tokenizer_2"
    before = folder_hash(folder, PIPELINE_FILES)
    (second / "spiece.model").write_bytes(b"one")
    assert folder_hash(folder, PIPELINE_FILES) == before, "tokenizer.json goes before it"
    (second / "tokenizer.json").unlink()
    one = folder_hash(folder, PIPELINE_FILES)
    (second / "spiece.model").write_bytes(b"two")
    assert folder_hash(folder, PIPELINE_FILES) != one


def test_parts_of_a_detector_and_of_a_judge_count(tmp_path: Path) -> None:
    from transformers import OwlViTForObjectDetection

    from spatialbench.benchmarks.geneval.clip_colours import FILES

    folder = save_tiny_owlvit(tmp_path / "model")
    model = OwlViTForObjectDetection.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="60KB")
    parts = sorted(folder.glob("*.safetensors"))
    assert len(parts) > 1
    weights = Weights("owlvit", folder=folder)
    before = weights.signature(), folder_hash(folder, FILES)
    for path in parts:
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert weights.signature() != before[0]
        assert folder_hash(folder, FILES) != before[1]
        path.write_bytes(content)
    assert (weights.signature(), folder_hash(folder, FILES)) == before
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    index["weight_map"][next(iter(index["weight_map"]))] = "../elsewhere.safetensors"
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(UserError, match=r"names '\.\./elsewhere"):
        folder_hash(folder, MODEL_FILES)


def test_folders_that_link_to_themselves_end(tmp_path: Path) -> None:
    folder = save_tiny_owlvit(tmp_path / "model")
    before = folder_hash(folder, MODEL_FILES)
    (folder / "again").symlink_to(folder)
    assert folder_hash(folder, MODEL_FILES) == before
