"""The detector against transformers' own full forward pass and post-processing."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spatialbench.detections import Detections
from spatialbench.detectors.owlvit import LAB_MISSING, LAB_OWLVIT, OWLVIT, OwlVitPlugin
from spatialbench.errors import UserError
from spatialbench.weights.origin import Weights
from tests.detectors.owlvit_reference import assert_close, full_pass, noise
from tests.reference_data import reference as reference_data
from tests.tiny_models import edit_json, save_tiny_owlvit

LABELS = (("dog", "cat"), ("car",), ("tv", "dog", "wine glass"), ("cat", "dog"))
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def drawn() -> list[Image.Image]:
    return noise((64, 64), (100, 50), (30, 200), (128, 96))


def reference(folder: Path, image: Image.Image, names: Sequence[str]) -> Detections:
    return full_pass("OwlViT", folder, image, names)


def test_agrees_with_the_full_forward_pass(owlvit_folder: Path) -> None:
    images = drawn()
    found = OWLVIT.configure(str(owlvit_folder)).detect(images, LABELS)
    for image, names, result in zip(images, LABELS, found, strict=True):
        assert len(result) > 5
        assert_close(result, reference(owlvit_folder, image, names))
    assert {label for result in found for label in result.labels} >= {"dog", "cat", "car"}


def test_agrees_with_clip_words_as_openai_wrote_them(tmp_path: Path) -> None:
    words = reference_data("clip", "bpe_simple_vocab_16e6.txt.gz")
    folder = save_tiny_owlvit(tmp_path / "clip", openai_tokenizer(words))
    image, names = drawn()[0], ("apple", "traffic light")
    found = OWLVIT.configure(str(folder)).detect([image], [names])[0]
    assert_close(found, reference(folder, image, names))


def openai_tokenizer(path: Path) -> Any:
    from transformers import CLIPTokenizer
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    lines = gzip.decompress(path.read_bytes()).decode().split("\n")[1 : 49152 - 256 - 2 + 1]
    merges = [tuple(line.split()) for line in lines]
    letters = list(bytes_to_unicode().values())
    names = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(m) for m in merges)]
    names += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {name: i for i, name in enumerate(names)}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=16)
    assert tokenizer("a photo of a cat").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]
    return tokenizer


def test_a_word_level_vocabulary(tmp_path: Path) -> None:
    """The lab's tokenizer. The class's own forward pass takes a first id of 0 for padding."""
    from spatialbench.lab.tokenizer import build_tokenizer

    tokenizer = build_tokenizer()
    assert tokenizer("a dog").input_ids[0] > 0
    folder = save_tiny_owlvit(tmp_path / "lab", tokenizer)
    found = OWLVIT.configure(str(folder)).detect(drawn()[:1], [("dog", "cat")])[0]
    assert len(found) > 5
    assert set(found.labels) == {"dog", "cat"}


def test_batch_mates_change_nothing_beyond_rounding(owlvit_folder: Path) -> None:
    images = drawn()
    detector = OWLVIT.configure(str(owlvit_folder))
    together = detector.detect(images, LABELS)
    again = detector.detect(images, LABELS)
    for i, image in enumerate(images):
        assert_close(together[i], detector.detect([image], [LABELS[i]])[0])
        np.testing.assert_array_equal(together[i].scores, again[i].scores)


def test_order_of_names_does_not_matter(owlvit_folder: Path) -> None:
    image = drawn()[0]
    detector = OWLVIT.configure(str(owlvit_folder))
    a, b = detector.detect([image, image], [("dog", "cat"), ("cat", "dog")])
    assert_close(a, b)


def test_each_name_is_encoded_once(owlvit_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers

    calls: list[Any] = []
    original = transformers.OwlViTModel.get_text_features

    def counted(self: Any, **arguments: Any) -> Any:
        calls.append(arguments["input_ids"].shape)
        return original(self, **arguments)

    monkeypatch.setattr(transformers.OwlViTModel, "get_text_features", counted)
    detector = OWLVIT.configure(str(owlvit_folder))
    detector.detect(drawn(), LABELS)
    detector.detect(drawn(), LABELS)
    assert calls == [(1, 16)] * len({name for names in LABELS for name in names})


def test_no_names_no_boxes(owlvit_folder: Path) -> None:
    images = drawn()[:2]
    detector = OWLVIT.configure(str(owlvit_folder))
    nothing, something = detector.detect(images, [(), ("dog",)])
    assert len(nothing) == 0
    assert (nothing.width, nothing.height) == images[0].size
    assert_close(something, detector.detect(images[1:], [("dog",)])[0])
    assert [len(d) for d in detector.detect(images, [(), ()])] == [0, 0]
    with pytest.raises(ValueError, match="2 images but 1"):
        detector.detect(images, [("dog",)])


def test_grey_and_transparent_images_are_read_as_rgb(owlvit_folder: Path) -> None:
    grey = drawn()[0].convert("L")
    detector = OWLVIT.configure(str(owlvit_folder))
    as_grey, as_rgb, with_alpha = detector.detect(
        [grey, grey.convert("RGB"), grey.convert("RGBA")], [("dog",)] * 3
    )
    assert_close(as_grey, as_rgb)
    assert_close(with_alpha, as_rgb)


def test_pickled_weights_give_the_same_boxes(owlvit_folder: Path, tmp_path: Path) -> None:
    """The pinned official repository holds pytorch_model.bin and an old preprocessor file."""
    import torch
    from safetensors.torch import load_file

    folder = Path(shutil.copytree(owlvit_folder, tmp_path / "bin"))
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    edit_json(
        folder / "preprocessor_config.json",
        feature_extractor_type="OwlViTFeatureExtractor",
        size=[64, 64],
        crop_size=64,
        resample=3,
    )
    image = drawn()[1]
    before, after = (
        OWLVIT.configure(str(f)).detect([image], [("dog", "cat")])[0]
        for f in (owlvit_folder, folder)
    )
    # Another file of the same numbers is a tolerance: where they lie in memory decides how some
    # processors' kernels round.
    assert_close(before, after)


def test_identity_and_signature(owlvit_folder: Path, tmp_path: Path) -> None:
    assert OWLVIT.configure().signature() == "owlvit-base-patch32@cbc355f"
    assert OWLVIT.configure(device="cuda", offline=True).identity() == {
        "detector": "owlvit",
        "version": 1,
        "weights": {
            "source": "google/owlvit-base-patch32",
            "revision": "cbc355fb364588351c5d51c7f74465e8e7ec6f72",
        },
        "image_processor": "OwlViTImageProcessorPil",
        "query": "a photo of a {name}",
        "floor": 0.01,
    }
    other = OWLVIT.configure(f"google/owlvit-large-patch14@{COMMIT}")
    assert other.signature() == "owlvit-large-patch14@0123456"
    copy = Path(shutil.copytree(owlvit_folder, tmp_path / "copy"))
    local = OWLVIT.configure(str(owlvit_folder))
    assert local.identity() == OWLVIT.configure(str(copy)).identity()
    assert local.signature() == f"owlvit@{local.identity()['weights']['weights'][:7]}"
    edit_json(copy / "preprocessor_config.json", do_normalize=False)
    assert local.signature() != OWLVIT.configure(str(copy)).signature()


def test_the_lab_detector_is_named_after_its_weights(owlvit_folder: Path, tmp_path: Path) -> None:
    absent = OwlVitPlugin(
        "lab-owlvit", "", Weights("lab-owlvit", folder=tmp_path, missing=LAB_MISSING)
    )
    with pytest.raises(UserError, match="lab detector's weights are not in this installation"):
        absent.configure().signature()
    weights = Weights("lab-owlvit", folder=owlvit_folder)
    present = OwlVitPlugin("lab-owlvit", "", weights).configure()
    assert present.signature() == f"lab-owlvit@{present.identity()['weights']['weights'][:7]}"
    assert LAB_OWLVIT.weights.folder is not None
    assert LAB_OWLVIT.weights.folder.parts[-3:] == ("lab", "weights", "owlvit")


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("owlvit-base", "neither a folder nor a repository"),
        ("google/owlvit-base-patch32", "not pinned"),
        ("google/owlvit-base-patch32@main", "'main' can move"),
    ],
)
def test_weights_that_cannot_be_named(weights: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        OWLVIT.configure(weights)


def test_offline_and_absent_says_what_to_fetch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError, match="'spatialbench fetch owlvit'"):
        OWLVIT.configure(offline=True).load()


def _drop(weights: dict[str, Any]) -> None:
    del weights["box_head.dense2.bias"]


def _add(weights: dict[str, Any]) -> None:
    weights["box_head.dense3.bias"] = weights["box_head.dense2.bias"].clone()


def _spoil(weights: dict[str, Any]) -> None:
    weights["layer_norm.weight"][0] = float("inf")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_drop, r"1 missing \(box_head\.dense2\.bias\)"),
        (_add, r"1 unexpected \(box_head\.dense3\.bias\)"),
        (_spoil, r"not finite in 1 tensors \(layer_norm\.weight\)"),
    ],
)
def test_damaged_weights_are_refused(
    owlvit_folder: Path, tmp_path: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(owlvit_folder, tmp_path / "damaged"))
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=message):
        OWLVIT.configure(str(folder)).load()


def test_folders_of_something_else_are_refused(owlvit_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a model folder"):
        OWLVIT.configure(str(tmp_path)).load()
    folder = Path(shutil.copytree(owlvit_folder, tmp_path / "other"))
    edit_json(folder / "config.json", model_type="owlv2")
    with pytest.raises(UserError, match="holds a model of type 'owlv2'; expected 'owlvit'"):
        OWLVIT.configure(str(folder)).load()


def test_output_that_is_not_finite_is_an_error(owlvit_folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(owlvit_folder, tmp_path / "huge"))
    weights = load_file(folder / "model.safetensors")
    weights["class_head.logit_shift.bias"].fill_(3e38)
    weights["class_head.logit_scale.bias"].fill_(3e38)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="NaN or infinite values"):
        OWLVIT.configure(str(folder)).detect(drawn()[:1], [("dog",)])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("zebra", "no word for the object 'zebra'"),
        ("dog " * 20, "too long"),
    ],
)
def test_names_the_detector_cannot_read(owlvit_folder: Path, name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        OWLVIT.configure(str(owlvit_folder)).detect(drawn()[:1], [(name,)])
