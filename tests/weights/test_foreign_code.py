"""Code in a model folder never runs and nothing asks for it, whatever stdin would answer."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spatialbench.backbones.named import resolve
from spatialbench.backbones.pipelines import load_pipeline
from spatialbench.errors import UserError
from tests.tiny_models import (
    edit_json,
    save_pipeline,
    save_tiny_grounding_dino,
    save_tiny_owlvit,
    tiny_sd,
)


class Asked(AssertionError):
    """Somebody was asked whether code may run."""


@pytest.fixture(autouse=True)
def answering_yes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A user who says yes to everything; the file that hostile code would make."""
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n" * 20))

    def ask(prompt: str = "") -> str:
        raise Asked(prompt)

    monkeypatch.setattr("builtins.input", ask)
    return tmp_path / "marker"


class Runs:
    """Unpickling this makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


def hostile(path: Path, marker: Path) -> None:
    """A module that makes the marker when it is imported, with classes of every name asked for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"import os\nos.mkdir({str(marker)!r})\n"
        "class Evil:\n    def __init__(self, *a, **k): pass\n"
        "    @classmethod\n    def from_pretrained(cls, *a, **k): return cls()\n"
    )


MAPPED = {"auto_map": {"AutoTokenizer": ["evil.Evil", "evil.Evil"], "AutoProcessor": "evil.Evil"}}
MAPPED["auto_map"] |= {"AutoModel": "evil.Evil", "AutoConfig": "evil.Evil"}
MAPPED["auto_map"] |= {"AutoImageProcessor": "evil.Evil"}


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_pipeline(tiny_sd(), tmp_path_factory.mktemp("pipeline"))


def _entry(part: str, library: Any, name: Any) -> Callable[[Path], None]:
    return lambda folder: edit_json(folder / "model_index.json", **{part: [library, name]})


def _mapped_tokenizer(class_name: str, **more: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        edit_json(folder / "model_index.json", tokenizer=["transformers", class_name])
        edit_json(folder / "tokenizer" / "tokenizer_config.json", **MAPPED, **more)
        for name in ("config.json", "processor_config.json", "preprocessor_config.json"):
            (folder / "tokenizer" / name).write_text(json.dumps(MAPPED | {"model_type": "evil"}))

    return change


PIPELINES: dict[str, Callable[[Path], None]] = {
    "a processor for a tokenizer": _mapped_tokenizer("CLIPProcessor"),
    "any processor for a tokenizer": _mapped_tokenizer("AutoProcessor"),
    "an auto class for a tokenizer": _mapped_tokenizer("AutoTokenizer", tokenizer_class=None),
    "a model for a tokenizer": _mapped_tokenizer("AutoModel"),
    "a tokenizer of its own": _entry("tokenizer", "evil", "Evil"),
    "a module of the system": _entry("tokenizer", "os", "system"),
    "a scheduler of its own": _entry("scheduler", "evil", "Evil"),
    "a scheduler of the system": _entry("scheduler", "os", "system"),
    "a scheduler that is a processor": _entry("scheduler", "transformers", "AutoProcessor"),
    "a pipeline of its own": lambda folder: edit_json(
        folder / "model_index.json", _class_name=["pipeline", "Evil"]
    ),
    "a pipeline by name": lambda folder: edit_json(folder / "model_index.json", _class_name="Evil"),
    "no entry": lambda folder: edit_json(folder / "model_index.json", tokenizer=None),
    "text for an entry": lambda folder: edit_json(folder / "model_index.json", scheduler="os"),
}


def with_code(pipeline: Path, folder: Path, marker: Path) -> Path:
    shutil.copytree(pipeline, folder)
    for place in ("", "tokenizer", "scheduler", "unet", "vae", "text_encoder"):
        for name in ("evil.py", "pipeline.py", f"{place or 'model'}.py"):
            hostile(folder / place / name, marker)
    return folder


@pytest.mark.parametrize("how", PIPELINES)
def test_pipelines(pipeline: Path, tmp_path: Path, answering_yes: Path, how: str) -> None:
    folder = with_code(pipeline, tmp_path / "model", answering_yes)
    PIPELINES[how](folder)
    with pytest.raises(UserError):
        load_pipeline(resolve(str(folder)))
    assert not answering_yes.exists()


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "safety_checker", "extra"])
def test_other_entries_and_maps_are_not_looked_at(
    pipeline: Path, tmp_path: Path, answering_yes: Path, part: str
) -> None:
    """Models are of the classes that the kind of pipeline has, whatever its description says."""
    folder = with_code(pipeline, tmp_path / "model", answering_yes)
    edit_json(folder / "model_index.json", **{part: ["evil", "Evil"]})
    if (folder / part / "config.json").exists():
        edit_json(folder / part / "config.json", **MAPPED)
    assert load_pipeline(resolve(str(folder))).unet
    assert not answering_yes.exists()


def _detector(name: str) -> Callable[[Path], Any]:
    def load(folder: Path) -> None:
        from spatialbench.plugins import load as plugin

        plugin("detector", name).configure(str(folder), "cpu", True).load()

    return load


def _judge(folder: Path) -> None:
    from spatialbench.benchmarks.geneval.clip_colours import ClipColours

    ClipColours("cpu", True, folder).load()


DETECTORS = {
    "owlvit": save_tiny_owlvit,
    "owlv2": lambda folder: save_tiny_owlvit(folder, v2=True),
    "grounding-dino": save_tiny_grounding_dino,
}


@pytest.mark.parametrize("name", DETECTORS)
def test_detectors_with_code_for_their_tokenizer(
    tmp_path: Path, answering_yes: Path, name: str
) -> None:
    folder = tmp_path / "model"
    DETECTORS[name](folder)
    hostile(folder / "evil.py", answering_yes)
    config = folder / "tokenizer_config.json"
    sound = config.read_text()
    for own_class in (True, False):
        changed = json.loads(sound) | MAPPED
        if not own_class:
            changed |= {"tokenizer_class": "Evil"}
        config.write_text(json.dumps(changed))
        edit_json(folder / "preprocessor_config.json", **MAPPED)
        edit_json(folder / "config.json", **MAPPED)
        with contextlib.suppress(UserError):
            _detector(name)(folder)
        assert not answering_yes.exists()


def test_a_judge_with_code_for_its_tokenizer(tmp_path: Path, answering_yes: Path) -> None:
    from transformers import CLIPConfig, CLIPModel

    small = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1}
    small |= {"num_attention_heads": 1}
    folder = tmp_path / "model"
    vision = small | {"image_size": 28, "patch_size": 14}
    config = CLIPConfig(text_config=small | {"vocab_size": 20}, vision_config=vision)
    CLIPModel(config).save_pretrained(folder)
    (folder / "tokenizer_config.json").write_text(json.dumps(MAPPED))
    edit_json(folder / "config.json", **MAPPED)
    hostile(folder / "evil.py", answering_yes)
    with pytest.raises(UserError, match="cannot load the tokenizer of"):
        _judge(folder)
    assert not answering_yes.exists()


def test_an_image_processor_with_code(tmp_path: Path, answering_yes: Path) -> None:
    """Depth, masks and every detector read theirs by the class that they name."""
    from spatialbench.weights.parts_beside import load_beside

    hostile(tmp_path / "evil.py", answering_yes)
    for name in ("preprocessor_config.json", "processor_config.json"):
        (tmp_path / name).write_text(json.dumps(MAPPED | {"image_processor_type": "Evil"}))
    kinds = ("DPTImageProcessorPil", "SamImageProcessorPil", "OwlViTImageProcessorPil")
    for kind in (*kinds, "GroundingDinoImageProcessorPil", "Mask2FormerImageProcessorPil"):
        with contextlib.suppress(UserError):
            load_beside(kind, tmp_path)
        assert not answering_yes.exists()
    for other in ("AutoProcessor", "CLIPProcessor", "AutoModel", "pipeline", "nothing"):
        with pytest.raises(UserError, match="is not a tokenizer of transformers"):
            load_beside(other, tmp_path)


def test_pickled_weights_run_nothing(tmp_path: Path, answering_yes: Path) -> None:
    import torch

    folder = save_tiny_owlvit(tmp_path / "model")
    (folder / "model.safetensors").unlink()
    torch.save({"a": torch.ones(1), "b": Runs(answering_yes)}, folder / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"cannot load OwlViT.*pytorch_model\.bin"):
        _detector("owlvit")(folder)
    assert not answering_yes.exists()


def test_a_tokenizer_of_files_elsewhere_is_refused(pipeline: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(pipeline, folder)
    shutil.copy(folder / "tokenizer" / "tokenizer.json", tmp_path / "tokenizer.4.0.json")
    edit_json(
        folder / "tokenizer" / "tokenizer_config.json",
        fast_tokenizer_files=["../../tokenizer.4.0.json"],
    )
    with pytest.raises(UserError, match="which is not a file of its folder"):
        load_pipeline(resolve(str(folder)))


def test_the_command_says_it_in_a_sentence(
    pipeline: Path,
    tmp_path: Path,
    answering_yes: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from spatialbench.cli import main

    folder = with_code(pipeline, tmp_path / "model", answering_yes)
    PIPELINES["a processor for a tokenizer"](folder)
    monkeypatch.chdir(tmp_path)
    command = ["run", "--method", "sd", "--bench", "visor", "--limit", "1", "--steps", "1"]
    command += ["--images-per-prompt", "1", "--backbone", str(folder), "--detector", "lab-owlvit"]
    assert main([*command, "--out", "here"]) == 2
    said = capsys.readouterr().err
    assert "CLIPProcessor, which is not a tokenizer of transformers" in said
    assert "Traceback" not in said
    assert not answering_yes.exists()


@pytest.mark.parametrize("kind", ["AutoTokenizer", "CLIPTokenizer"])
@pytest.mark.parametrize("instead", ["nothing", "pipe", "folder", "other settings"])
def test_a_tokenizer_without_its_configuration_is_refused(
    tmp_path: Path, kind: str, instead: str
) -> None:
    """It would be loaded, and fail at the first prompt: no padding, or to a length of 1e30."""
    from spatialbench.weights.parts_beside import load_beside
    from tests.tiny_models import clip_tokenizer

    clip_tokenizer().save_pretrained(tmp_path)
    path = tmp_path / "tokenizer_config.json"
    path.unlink()
    if instead == "pipe":
        os.mkfifo(path)
    elif instead == "folder":
        path.mkdir()
    elif instead == "other settings":
        path.write_text('{"pad_token": null}')
    with pytest.raises(UserError, match="cannot load the tokenizer of"):
        load_beside(kind, tmp_path)


def test_a_tokenizer_without_its_vocabulary_is_refused(tmp_path: Path) -> None:
    """transformers would make one that knows no word, and every prompt would be the same."""
    from spatialbench.weights.parts_beside import load_beside
    from tests.tiny_models import clip_tokenizer

    clip_tokenizer().save_pretrained(tmp_path)
    assert load_beside("CLIPTokenizer", tmp_path)("dog").input_ids
    (tmp_path / "tokenizer.json").unlink()
    for kind in ("CLIPTokenizer", "AutoTokenizer", "PreTrainedTokenizerFast"):
        with pytest.raises(UserError, match="cannot load the tokenizer of"):
            load_beside(kind, tmp_path)
    (tmp_path / "vocab.json").write_text('{"<|startoftext|>": 0, "<|endoftext|>": 1}')
    with pytest.raises(UserError, match="cannot load the tokenizer of"):
        load_beside("CLIPTokenizer", tmp_path)
