"""Readers of gates, published figures, canaries, label spaces and pipeline folders."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image

from spatialbench.detections import Detections
from tests.stages.fakes import Finder

from .reader import Reader, benchmark_named, json_reader, line_reader
from .result_readers import detections_record


def _figures(folder: Path) -> None:
    from spatialbench.reports.published import read_figures

    read_figures(folder / "figures.json", benchmark_named("visor"))


def _gate(folder: Path) -> None:
    from spatialbench.reports.gate.file import read_gate

    read_gate(folder / "gate.json")


class Blind(Finder):
    """Finds nothing, as the valid record says."""

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        return [Detections.build([], [], [], *image.size) for image in images]


def _canary(folder: Path) -> None:
    from unittest import mock

    from spatialbench.stages import canaries

    with mock.patch.object(canaries, "record_path", return_value=folder / "canary.json"):
        canaries.check(Blind())


def _label_space(folder: Path) -> None:
    from spatialbench.detectors.unidet import labels

    labels._read.cache_clear()
    labels.read_labels(folder, offline=True)


def _pipeline_folder(folder: Path) -> None:
    from spatialbench.backbones import pipelines
    from spatialbench.backbones.named import resolve

    backbone = resolve(str(folder / "model"))
    pipelines._pipeline_class(folder / "model", backbone)


_SIGNATURE = (
    "visor/1 rule:visor-centroid/1 det:owlvit-base-patch32@cbc355f thr:0.1 n:25280x4 "
    "gen:infsplign/1(steps=50) base:sd2.1-base@4e63672 seeds:protocol run:0123456789ab sb:0.1.0"
)
_GATE = {
    "gate_version": 1,
    "signature": _SIGNATURE,
    "also": ["method"],
    "confidence": 0.95,
    "min_images": 100,
    "metrics": {"OA": {"value": 50.0, "tolerance": 2.0}},
    "groups": {"left": {"OA": {"value": 50.0, "tolerance": 4.0}}},
}
_FIGURES = [
    {
        "method": "m",
        "base": "b",
        "metrics": {"OA": 50.0, "VISOR_uncond": 25.0, "VISOR_cond": 50.0},
        "source": "table 1",
        "evidence": "P",
    }
]
_LABELS = {"raw_data": [["id", "n"], *([str(n), "", "dog", "", "", "a--b"] for n in range(722))]}


def _empty_handed() -> dict[str, Any]:
    return detections_record("0", ["dog"]) | {"scores": [0.05]}


def _training_prompts(folder: Path) -> None:
    from spatialbench.lora_training.training_prompts import read_prompts

    read_prompts(folder / "prompts.jsonl")


def _own_prompts(folder: Path) -> None:
    from spatialbench.benchmarks.own_prompts import PLUGIN

    (file,) = folder.glob("own.*")
    benchmark = PLUGIN.of_file(file)
    (folder / "run").mkdir()
    benchmark.begin_run(folder / "run")
    assert list(PLUGIN.of_run(folder / "run").subsets) == list(benchmark.subsets)


def _listed_images(folder: Path) -> None:
    from spatialbench.errors import UserError
    from spatialbench.exchange.layouts import place
    from spatialbench.exchange.opened import opened_source
    from spatialbench.plugins.layout import Names
    from tests.stages.fakes import make_prompts

    (file,) = folder.glob("list.*")
    names = Names(make_prompts(2), 2)
    layout = "evalscope" if file.suffix == ".jsonl" else "geneval2"
    for given in (file, folder):
        try:
            source = opened_source(given, layout)
        except UserError:  # No list at all.
            place(layout, opened_source(folder, layout), names)
            raise
        placed = place(layout, source, names)
        assert all(name in source.names for name, w in placed.items() if isinstance(w, tuple))
        assert not any(name.startswith(("/", "..")) for name in source.names)


def _kept(folder: Path) -> None:
    from spatialbench.lora_training.kept_set import read_kept
    from spatialbench.lora_training.latent_cache import object_weights

    for kept in read_kept(folder / "kept").images:
        assert (folder / "kept" / kept.file).resolve().is_relative_to(folder.resolve())
        assert isinstance(kept.relation, str)
        assert object_weights(kept.record, (8, 8), 2.0).isfinite().all()


_OWN = [
    {"id": "x7", "prompt": "a dog to the left of a cat", "task": "left", "atom_count": 3},
    {"prompt": "a cup", "relations": [["cup", "above", "bed"], ["bed", "below", "cup"]]},
]
_LISTED = [
    {"id": n, "prompt": f"prompt {n % 2}", "image_path": f"img/{n}.png", "tags": ["x"]}
    for n in range(3)
]
_PROMPTS = [
    {"text": "a dog left of a cat", "relations": [["dog", "left", "cat"]]},
    {"text": "a cup above a bed", "relations": [["cup", "above", "bed"], ["bed", "below", "cup"]]},
]
_KEPT = {
    **_PROMPTS[0],
    "file_name": "images/0.png",
    "sha256": "00",
    "boxes": [[0.0, 1.5, 30.0, 40.0], [32.0, 0.0, 64.0, 64.0]],
    "width": 64,
    "height": 64,
}
_TRAINING_OF_0_1 = {"backbone": {"name": "lab"}, "data": "00", "settings": {"rank": 4}}
_TRAINING = {**_TRAINING_OF_0_1, "version": 1, "optimiser": {"name": "AdamW", "ema": 0.99}}


def _training_record(folder: Path) -> None:
    from spatialbench.lora_training.record import claim

    claim(folder / "lora", _TRAINING)


def _depth_map(folder: Path) -> None:
    """A map, without which a description counts for nothing; it is not opened."""
    maps = folder / "depth" / "model" / "1"
    maps.mkdir(parents=True)
    (maps / "0.png").touch()


def _depth_description(folder: Path) -> None:
    from spatialbench.scoring.rules.depth_maps import DepthFolder, folder_of_run

    found = folder_of_run(folder)
    assert found is not None
    assert found.signature
    assert found.masks_signature != ""
    assert DepthFolder(folder).signature


@cache
def found() -> dict[str, Reader]:
    """By name."""
    return {
        "own prompts": line_reader(_OWN, file="own.jsonl", read=_own_prompts),
        "own prompts by id": json_reader(
            [{"x7": "a dog above a cat", "03": "a cup"}, _OWN], file="own.json", read=_own_prompts
        ),
        "list of images": line_reader(_LISTED, file="list.jsonl", read=_listed_images),
        "images by prompt": json_reader(
            [{"prompt 0": "img/0.png", "prompt 1": ["img/1.png", "../2.png"]}],
            file="list.json",
            read=_listed_images,
        ),
        "training prompts": line_reader(_PROMPTS, file="prompts.jsonl", read=_training_prompts),
        "kept images": line_reader(
            [_KEPT],
            file="kept/metadata.jsonl",
            read=_kept,
            prepare=lambda folder: (
                (folder / "kept").mkdir(),
                (folder / "kept" / "dataset.json").write_text("{}"),
            ),
        ),
        "training record": json_reader(
            [_TRAINING, _TRAINING_OF_0_1],
            file="lora/training.json",
            read=_training_record,
            prepare=lambda folder: (folder / "lora").mkdir(),
        ),
        "depth description": json_reader(
            [{"signature": "depth@1", "masks": "masks@1", "identity": {}}],
            file="depth/model/depth.json",
            read=_depth_description,
            prepare=_depth_map,
        ),
        "gate": json_reader([_GATE], file="gate.json", read=_gate),
        "figures": json_reader([_FIGURES], file="figures.json", read=_figures),
        "canary": json_reader(
            [{"version": 1, "found": [_empty_handed() for _ in range(4)]}],
            file="canary.json",
            read=_canary,
        ),
        "label space": json_reader([_LABELS], file="learned_mAP+M.json", read=_label_space),
        "pipeline folder": json_reader(
            [{"_class_name": "StableDiffusionPipeline"}],
            file="model/model_index.json",
            read=_pipeline_folder,
            prepare=lambda folder: (folder / "model").mkdir(),
        ),
    }
