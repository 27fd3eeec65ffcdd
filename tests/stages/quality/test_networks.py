"""The networks against torch-fidelity's figures, and their preparation against plain statements.

The figures were made once with ``feature_extractor_inceptionv3.py`` of torch-fidelity 0.4.0 on the
weights and pixels of ``inception_files``; in one process both networks gave the same bits.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from spatialbench.errors import UserError
from spatialbench.stages.quality.inception import SIDE, WIDTH, Inception
from spatialbench.stages.quality.networks import ClipFeatures, InceptionFeatures, clip_pixels
from tests.judges.clip_files import save_tiny_clip

from .inception_files import named_weights, pixels, save_inception

NORMS = (3208.7561035, 3227.0791016)
SUMS = (87497.6484375, 87981.25)
FEW = {5: 1.3493448, 500: 2.3433652, 1000: 4.4680033, 1500: 33.4129562, 2000: 94.4606781}


def test_features_are_those_of_another_library() -> None:
    network = Inception()
    network.load_state_dict(named_weights())
    network.eval()
    with torch.inference_mode():
        found = network(pixels(SIDE))
        other = network(pixels(40))
    assert found.shape == other.shape == (2, WIDTH)
    # Kernels of other processors add up in another order, through 94 convolutions.
    assert found.norm(dim=1).tolist() == pytest.approx(NORMS, rel=1e-4)
    assert found.sum(dim=1).tolist() == pytest.approx(SUMS, rel=1e-4)
    assert {k: float(found[0, k]) for k in FEW} == pytest.approx(FEW, rel=1e-3)


def test_the_published_file_is_loaded_and_others_are_named(tmp_path: Path) -> None:
    file = save_inception(tmp_path / "inception.pth")
    network = InceptionFeatures(str(file), "cpu", offline=True)
    assert network.requirement().missing is None
    image = Image.fromarray(np.random.default_rng(1).integers(0, 255, (20, 30, 3), dtype=np.uint8))
    alone, beside = network.features([image]), network.features([image.rotate(90), image])
    assert alone.shape == (1, WIDTH)
    assert np.array_equal(alone[0], beside[1])
    bare = Inception()
    bare.load_state_dict(named_weights())
    bare.eval()
    # Height before width, levels from 0 to 1.
    plain = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        assert np.array_equal(alone, bare(plain).numpy())
    state = torch.load(file)
    del state["Mixed_7c.branch_pool.conv.weight"]
    torch.save(state, file)
    with pytest.raises(UserError, match=r"Mixed_7c\.branch_pool\.conv\.weight"):
        InceptionFeatures(str(file), "cpu", offline=True).load()
    missing = InceptionFeatures(None, "cpu", offline=True).requirement()
    assert missing.missing is not None
    assert "spatialbench fetch fid-inception" in missing.missing


def test_clip_sees_the_middle_square(tmp_path: Path) -> None:
    folder = save_tiny_clip(tmp_path / "clip")
    network = ClipFeatures(str(folder), "cpu", offline=True)
    image = Image.fromarray(np.random.default_rng(2).integers(0, 255, (40, 64, 3), dtype=np.uint8))
    square = image.crop((12, 0, 52, 40))
    wide, cut = network.features([image]), network.features([square])
    assert np.array_equal(wide, cut)
    assert np.linalg.norm(wide, axis=1) == pytest.approx([1], abs=1e-6)
    shown = clip_pixels(Image.new("RGB", (50, 50), (255, 0, 0)), 32)
    assert shown.shape == (1, 3, 32, 32)
    # CLIP's own mean and deviation of red, and of a channel that is 0.
    assert float(shown[0, 0, 3, 3]) == pytest.approx((1 - 0.48145466) / 0.26862954, rel=1e-5)
    assert float(shown[0, 2, 3, 3]) == pytest.approx(-0.40821073 / 0.27577711, rel=1e-5)
