"""DPT-hybrid gives the maps that the official code wrote, and refuses what is no such model."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from spatialbench.benchmarks.t2i_compbench.depth_maps import read_depth
from spatialbench.errors import UserError
from spatialbench.stages import dpt_hybrid
from spatialbench.stages.depth import encode_depth
from spatialbench.stages.depth_model import DEPTH_MODELS, named_model
from spatialbench.stages.dpt_conversion import build, own_names
from spatialbench.stages.dpt_hybrid import (
    DptHybrid,
    depth_model,
    for_inference,
    inverse_depth,
    scaled,
)
from tests.stages.dpt_files import official_dpt, save_official_dpt, save_tiny_dpt
from tests.t2i_whole import Whole, filled, painted

RAW = 2e-5
"""Of inverse depth: rounding alone; another resampling is off by 1e-3 and more."""
FULL = 1e-4
"""The same at full size, where other kernels of the convolutions round by up to 8e-5 of 4.7."""


def compare(model: Any, told: Any, folder: Path, tmp_path: Path, tolerance: float = RAW) -> None:
    """Raw depth, the written map, and the map in the scorer's frame, of every image."""
    assert told["results"]
    for one in told["results"]:
        image = painted(one["picture"])
        with torch.inference_mode():
            depth = inverse_depth(model, image, one["network_input"])
            found = scaled(depth, *image.size).numpy()
        raw = one["depth"]
        places = raw["grid_index"]
        grid = depth[places][:, places].numpy()
        np.testing.assert_allclose(grid, np.array(raw["grid"]), rtol=0, atol=tolerance)
        assert float(depth.max()) == pytest.approx(raw["max"], abs=tolerance)
        assert float(depth.mean()) == pytest.approx(raw["mean"], abs=tolerance)
        levels = DptHybrid.levels(DptHybrid(dpt_hybrid.FILE), found)
        assert (str(levels.dtype), list(levels.shape)) == ("uint8", one["png_shape"])
        assert float(levels.mean()) == pytest.approx(one["png_mean"], abs=0.01)
        if one["png"] is not None:
            written = np.asarray(Image.open(folder / one["png"])).astype(int)
            assert np.abs(written - levels).max() <= 1
            assert (written != levels).mean() < 1e-3
            pixels = written.astype(np.uint8).tobytes()
            assert hashlib.sha256(pixels).hexdigest() == one["png_sha256_of_pixels"]
        path = tmp_path / "map.png"
        path.write_bytes(encode_depth(levels, "ab" * 32))
        framed, stated = read_depth(path), one["after_479_resize"]
        assert list(framed.shape) == stated["shape"]
        assert float(framed.mean()) == pytest.approx(stated["mean"], abs=1e-4)
        row = np.round(framed[100, ::60] * 255).astype(int)
        assert np.abs(row - np.array(stated["row100"])).max() <= 1


def test_small_maps_are_the_official_ones(t2i_whole: Whole, tmp_path: Path) -> None:
    told = t2i_whole.json("dpt", "expected_small.json")
    compare(official_dpt(t2i_whole, told), told, t2i_whole.file("dpt"), tmp_path)


def test_an_official_checkpoint_is_the_same_model(t2i_whole: Whole, tmp_path: Path) -> None:
    told = t2i_whole.json("dpt", "expected_small.json")
    state = filled(told["shapes"], told["fill_prefix"])
    size = told["config"]
    model = build(state, "it", heads=size["heads"], taps=size["hooks"])
    compare(model, told, t2i_whole.file("dpt"), tmp_path)
    del state["pretrained.model.norm.bias"]
    with pytest.raises(UserError, match=r"1 missing \(dpt.layernorm.bias"):
        build(state, "it", heads=size["heads"], taps=size["hooks"])
    with pytest.raises(UserError, match="is not a DPT-hybrid checkpoint"):
        build({"head.weight": torch.zeros(1)}, "it")


@pytest.mark.skipif(
    "SPATIALBENCH_FULL_MODELS" not in os.environ,
    reason="a model of full size on the CPU: set SPATIALBENCH_FULL_MODELS to run it",
)
def test_the_full_size_gives_the_official_maps(t2i_whole: Whole, tmp_path: Path) -> None:
    told = t2i_whole.json("dpt", "expected_full.json")
    shapes = {name: shape for name, shape, _, _ in t2i_whole.keys("dpt")["keys"]}
    model = build(filled(shapes, told["fill_prefix"]), "it")
    compare(model, told, t2i_whole.file("dpt"), tmp_path, FULL)


def test_every_name_of_the_official_file_is_known(t2i_whole: Whole) -> None:
    keys = t2i_whole.keys("dpt")["keys"]
    assert len(keys) > 300
    for name, _, _, targets in keys:
        assert list(own_names(name)) == [target for target, _ in targets]
        assert [how for _, how in targets] in (
            [],
            ["same"],
            ["rows third 0", "rows third 1", "rows third 2"],
        )


def test_maps_of_a_folder(tmp_path: Path) -> None:
    folder = save_tiny_dpt(tmp_path)
    model = named_model(f"dpt-hybrid:{folder}", "cpu", True)
    assert model.signature().startswith("dpt-hybrid@")
    noise = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    images = [Image.fromarray(noise), Image.fromarray(noise[::-1].copy())]
    together = model.estimate(images)
    assert [(depth.shape, str(depth.dtype)) for depth in together] == [((40, 56), "float32")] * 2
    assert all(0 <= depth.min() < depth.max() <= 1 for depth in together)
    np.testing.assert_array_equal(model.estimate(images[:1])[0], together[0])


def test_the_same_depth_everywhere_is_no_depth() -> None:
    assert not scaled(torch.full((8, 8), 2.5), 6, 4).any()


def test_identities_tell_models_weights_and_preparation(tmp_path: Path) -> None:
    assert list(DEPTH_MODELS) == ["depth-anything", "dpt-hybrid", "ground-plane"]
    own = depth_model(None, "cpu", True)
    assert own.signature() == "dpt-hybrid-midas@501f0c7"
    assert own.identity()["image"] == "bilinear, 480 x 480"
    other = named_model("depth-anything", "cpu", True)
    assert other.identity()["class"] != own.identity()["class"]
    folder = save_tiny_dpt(tmp_path)
    before = depth_model(str(folder), "cpu", True).identity()
    assert before != own.identity()
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"hidden_act": "relu"}))
    assert depth_model(str(folder), "cpu", True).identity() != before


def test_what_is_no_such_model_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, depth_folder: Path
) -> None:
    monkeypatch.setenv("SPATIALBENCH_CACHE", str(tmp_path / "cache"))
    with pytest.raises(UserError, match=r"spatialbench fetch dpt-hybrid.* --depth dpt-hybrid:PATH"):
        depth_model(None, "cpu", True).load()
    with pytest.raises(UserError, match="neither a folder nor a repository"):
        depth_model("no such place", "cpu", True)
    with pytest.raises(UserError, match="of type 'depth_anything'"):
        depth_model(str(depth_folder), "cpu", True).load()
    with pytest.raises(UserError, match="did you mean dpt-hybrid"):
        named_model("dpt-hybird", "cpu", True)


def test_a_checkpoint_file_of_another_content_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "dpt.pt"
    torch.save({"weight": torch.zeros(2)}, path)
    with pytest.raises(UserError, match="is not a DPT-hybrid checkpoint"):
        depth_model(str(path), "cpu", True).load()


def test_the_epsilon_is_the_official_one_whatever_a_folder_says(
    t2i_whole: Whole, tmp_path: Path
) -> None:
    told = t2i_whole.json("dpt", "expected_small.json")
    folder = save_official_dpt(tmp_path / "model", t2i_whole, told, layer_norm_eps=1e-12)
    model = depth_model(str(folder), "cpu", True)
    model.load()
    compare(for_inference(model._model), told, t2i_whole.file("dpt"), tmp_path)
