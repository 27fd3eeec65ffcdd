"""Grounding DINO through the Detector protocol, on a small random model in a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from spatialbench.detectors.grounding_dino.plugin import FLOOR, PLUGIN, GroundingDinoDetector
from spatialbench.errors import UserError
from spatialbench.stages import canaries
from tests.tiny_models import edit_json, save_tiny_grounding_dino

NAMES = ("dog", "wine glass", "bench")
WORDS = {"dog": "dog", "wine": "wine glass", "glass": "wine glass", "ben": "bench", "##ch": "bench"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_grounding_dino(tmp_path_factory.mktemp("grounding-dino"))


@pytest.fixture(scope="module")
def loaded(folder: Path) -> GroundingDinoDetector:
    detector = PLUGIN.configure(str(folder))
    detector.load()
    return detector


def drawn() -> list[Image.Image]:
    rng = np.random.default_rng(0)
    sizes = ((64, 64), (50, 100), (120, 30))
    return [Image.fromarray(rng.integers(0, 256, (h, w, 3), dtype=np.uint8)) for h, w in sizes]


def test_agrees_with_transformers_own_processing(
    folder: Path, loaded: GroundingDinoDetector
) -> None:
    """Its boxes and phrases; a phrase's words say which name the box belongs to."""
    import transformers

    model = transformers.GroundingDinoForObjectDetection.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    images = transformers.GroundingDinoImageProcessorPil.from_pretrained(folder)
    processor = transformers.GroundingDinoProcessor(images, tokenizer)
    for image in drawn():
        inputs = processor(images=image, text=[list(NAMES)], return_tensors="pt")
        with torch.no_grad():
            output = model(**inputs)
        theirs = processor.post_process_grounded_object_detection(
            output, threshold=0.0, target_sizes=[(image.height, image.width)]
        )[0]
        words = tokenizer.convert_ids_to_tokens(inputs.input_ids[0])
        named = [i for i, word in enumerate(words) if word in WORDS]
        scores, best = output.logits[0].sigmoid()[:, named].max(1)
        kept = scores > FLOOR
        found = loaded.detect([image], [NAMES])[0]
        assert len(found) == int(kept.sum()) > 5
        np.testing.assert_allclose(found.scores, scores[kept], atol=1e-5)
        np.testing.assert_allclose(found.boxes, theirs["boxes"][kept], atol=1e-3)
        assert list(found.labels) == [WORDS[words[named[i]]] for i in best[kept]]


def test_names_come_back_as_they_were_asked(loaded: GroundingDinoDetector) -> None:
    image = drawn()[0]
    lower, upper, twice = loaded.detect(
        [image] * 3, [("dog", "tv"), ("Dog", "TV"), ("dog", "tv", "dog")]
    )
    assert set(upper.labels) <= {"Dog", "TV"}
    assert [name.lower() for name in upper.labels] == list(lower.labels) == list(twice.labels)
    np.testing.assert_array_equal(lower.scores, twice.scores)


def test_batch_mates_change_nothing(loaded: GroundingDinoDetector) -> None:
    images, labels = drawn(), [("dog",), (), ("cat", "dog")]
    together = loaded.detect(images, labels)
    assert len(together[1]) == 0
    for image, names, result in zip(images, labels, together, strict=True):
        alone = loaded.detect([image], [names])[0]
        np.testing.assert_array_equal(alone.boxes, result.boxes)
        assert (result.width, result.height) == image.size
    with pytest.raises(ValueError, match="3 images but 1"):
        loaded.detect(images, [("dog",)])


def test_identity_and_signature(folder: Path) -> None:
    assert PLUGIN.configure().signature() == "grounding-dino-base@12bdfa3"
    identity = PLUGIN.configure(str(folder)).identity()
    assert identity["image_processor"] == "GroundingDinoImageProcessorPil"
    assert PLUGIN.configure(str(folder)).signature() == (
        f"grounding-dino@{identity['weights']['weights'][:7]}"
    )


def test_weights_it_cannot_have(
    owlvit_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="type 'owlvit'; expected 'grounding-dino'"):
        PLUGIN.configure(str(owlvit_folder)).load()
    with pytest.raises(UserError, match="not pinned"):
        PLUGIN.configure("IDEA-Research/grounding-dino-tiny")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError, match="'spatialbench fetch grounding-dino'"):
        PLUGIN.configure(offline=True).load()


def test_weights_of_another_size_are_named(folder: Path, tmp_path: Path) -> None:
    import shutil

    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    edit_json(copy / "config.json", encoder_layers=2)
    with pytest.raises(UserError, match=r"\d+ missing \(model\.encoder\.layers\.1"):
        PLUGIN.configure(str(copy)).load()


def test_a_model_that_does_not_look_fails_the_canary(folder: Path) -> None:
    detector = PLUGIN.configure(str(folder))
    assert detector.self_test() == "20 queries answer soundly to two plain images"
    assert detector._model is not None
    with torch.no_grad():
        for parameter in detector._model._model.model.backbone.parameters():
            parameter.zero_()
    with pytest.raises(UserError, match="same answer to a grey and to a noisy image"):
        detector.self_test()


def test_answers_that_are_not_finite_are_an_error(folder: Path) -> None:
    detector = PLUGIN.configure(str(folder))
    detector.load()
    assert detector._model is not None
    with torch.no_grad():
        detector._model._model.bbox_embed[-1].layers[-1].bias.fill_(float("nan"))
    with pytest.raises(UserError, match="NaN or infinite"):
        detector.detect(drawn()[:1], [("dog",)])


def test_drift_from_a_recorded_canary_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The lab's images ask for names outside the small vocabulary; these ask for its own."""
    monkeypatch.setenv("SPATIALBENCH_CACHE", str(tmp_path))
    chosen = [*drawn(), drawn()[0].transpose(Image.Transpose.ROTATE_90)]
    monkeypatch.setattr(canaries, "images", lambda: [(image, list(NAMES)) for image in chosen])
    detector = PLUGIN.configure(str(folder))
    canaries.record(detector)
    assert "boxes in 4 canary images as recorded" in str(canaries.check(detector))
    assert detector._model is not None
    with torch.no_grad():
        detector._model._model.bbox_embed[-1].layers[-1].bias.add_(0.5)
    with pytest.raises(UserError, match="no longer found"):
        canaries.check(detector)
