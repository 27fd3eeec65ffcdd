"""Colours behind a detector: crops, CLIP on a small random model, and what the signature says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spatialbench.benchmarks.geneval import PLUGIN
from spatialbench.benchmarks.geneval.clip_colours import TEMPLATES, ClipColours, prepare
from spatialbench.benchmarks.geneval.colouring import ColouredDetector, cut_out
from spatialbench.benchmarks.geneval.names import COLOURS
from spatialbench.benchmarks.geneval.pixel_colours import PixelColours
from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.plugins import Detector, MaskedDetections


@dataclass
class Boxes(Detector):
    """A detector that finds what it is told."""

    found: Sequence[tuple[str, tuple[int, ...], float]]
    name: str = "told@1"

    def identity(self) -> dict[str, Any]:
        return {"detector": "told"}

    def signature(self) -> str:
        return self.name

    def load(self) -> None:
        pass

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        boxes, scores = [box for _, box, _ in self.found], [score for _, _, score in self.found]
        names = [label for label, _, _ in self.found]
        return [Detections.build(boxes, scores, names, i.width, i.height) for i in images]


class Masks(Boxes):
    """The same with masks: the left half of every box."""

    has_masks = True

    def detect_masks(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[MaskedDetections]:
        results = []
        for image, found in zip(images, self.detect(images, labels), strict=True):
            masks = np.zeros((len(found), image.height, image.width), bool)
            for mask, (x0, y0, x1, y1) in zip(masks, found.boxes.astype(int), strict=True):
                mask[y0:y1, x0 : (x0 + x1) // 2] = True
            results.append(MaskedDetections(found, masks))
        return results


def half_and_half(left: str, right: str) -> Image.Image:
    image = Image.new("RGB", (100, 100), right)
    image.paste(Image.new("RGB", (50, 100), left), (0, 0))
    return image


def test_a_crop_is_grey_outside_its_mask_and_cut_at_the_rounded_box() -> None:
    image = half_and_half("red", "blue")
    mask = np.zeros((100, 100), bool)
    mask[20:40, 30:60] = True
    crop = cut_out(image, np.array([29.6, 19.6, 70.4, 40.4], np.float32), mask)
    assert crop.size == (40, 20)
    assert crop.getpixel((0, 0)) == (255, 0, 0)
    assert crop.getpixel((25, 10)) == (0, 0, 255)
    assert crop.getpixel((39, 19)) == (0x99, 0x99, 0x99)
    assert cut_out(image, np.array([-50, -50, 20, 20], np.float32), None).size == (20, 20)
    assert cut_out(image, np.array([90, 90, 500, 500], np.float32), None).size == (10, 10)
    assert cut_out(image, np.array([50, 50, 50, 50], np.float32), None).size == (1, 1)


def test_masks_decide_where_there_are_some() -> None:
    image = half_and_half("red", "blue")
    found = [("cup", (0, 0, 100, 100), 0.9)]
    seen: list[Image.Image] = []

    class Spy(PixelColours):
        def colours(self, crops: Sequence[Image.Image], label: str) -> list[str]:
            seen.extend(crops)
            return super().colours(crops, label)

    for detector, word in ((Boxes(found), "-in-boxes"), (Masks(found), "")):
        coloured = ColouredDetector(detector, Spy())
        assert coloured.signature() == f"told@1+pixel-colours{word}"
        (result,) = coloured.detect([image], [["cup"]])
        assert result.colors is not None
        assert result.boxes.tolist() == [[0, 0, 100, 100]]
    assert seen[0].getpixel((99, 50)) == (0, 0, 255)
    assert seen[1].getpixel((99, 50)) == (0x99, 0x99, 0x99)


def test_only_the_best_boxes_of_asked_labels_are_looked_at() -> None:
    found = [("cup", (0, 0, 20, 20), 0.2 + 0.1 * k) for k in range(6)]
    found += [("dog", (0, 0, 20, 20), 0.9), ("cup", (0, 0, 20, 20), 0.05)]
    (result,) = ColouredDetector(Boxes(found), PixelColours()).detect(
        [Image.new("RGB", (100, 100), "red")], [["cup", "cup"]]
    )
    assert result.colors == (None, None, "red", "red", "red", "red", None, None)
    assert Detections.from_record(result.to_record()).colors == result.colors
    assert result.above(0.65).colors == ("red", None)


@pytest.mark.parametrize("colour", COLOURS)
def test_plain_colours_by_pixels(colour: str) -> None:
    assert PixelColours().colours([Image.new("RGB", (9, 9), colour)], "cup") == [colour]


def test_the_plugin_adds_colours_only_where_they_are_asked_for() -> None:
    prepared = PLUGIN.prepare_detector
    plain = Boxes([])
    assert prepared(plain, "position", "cpu", True) is plain
    word = prepared(plain, "all", "cpu", True).signature()
    assert word == "told@1+clip-vit-l14-openai@32bd642-for-open_clip-in-boxes"
    lab = Boxes([], "lab-owlvit@1")
    assert prepared(lab, "color_attr", "cpu", True).signature().endswith("pixel-colours-in-boxes")


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP of random weights and the usual shape, with a word-level tokenizer."""
    torch = pytest.importorskip("torch")
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import CLIPConfig, CLIPModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("clip")
    words = ["<pad>", "<s>", "</s>", "a", "photo", "of", "-", "colored", "object", "cup", *COLOURS]
    vocabulary = {word: i for i, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    config = CLIPConfig(
        text_config={
            **small,
            "num_attention_heads": 2,
            "vocab_size": len(words),
            "max_position_embeddings": 20,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "pad_token_id": 0,
        },
        vision_config={**small, "num_attention_heads": 2, "image_size": 32, "patch_size": 8},
        projection_dim=16,
    )
    CLIPModel(config).save_pretrained(folder)
    return folder


def test_clip_names_the_colour_that_plain_transformers_finds_likeliest(clip_folder: Path) -> None:
    import torch
    from transformers import AutoTokenizer, CLIPModel

    noise = np.random.default_rng(3).integers(0, 255, (12, 40, 60, 3)).astype(np.uint8)
    crops = [Image.fromarray(pixels) for pixels in noise]
    crops += [Image.new("RGB", (40, 60), colour) for colour in COLOURS]
    classifier = ClipColours("cpu", True, clip_folder)
    ours = classifier.colours(crops, "cup")

    model = CLIPModel.from_pretrained(clip_folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(clip_folder)
    expected = []
    with torch.no_grad():
        for crop in crops:
            means = []
            for colour in COLOURS:
                texts = [template.format(colour=colour, name="cup") for template in TEMPLATES]
                output = model(
                    **tokenizer(texts, padding=True, return_tensors="pt"),
                    pixel_values=prepare(crop, 32)[None],
                )
                text = output.text_embeds.mean(dim=0)
                means.append(float(output.image_embeds[0] @ (text / text.norm())))
            expected.append(COLOURS[int(np.argmax(means))])
    assert ours == expected
    assert classifier.colours([], "cup") == []
    assert classifier.word.startswith("clip@")


def test_preparation_is_clips_own() -> None:
    from transformers import CLIPImageProcessorPil

    processor = CLIPImageProcessorPil()
    for size in [(300, 500), (224, 224), (90, 30), (640, 480)]:
        noise = np.random.default_rng(1).integers(0, 255, (size[1], size[0], 3)).astype(np.uint8)
        image = Image.fromarray(noise)
        theirs = processor(image, return_tensors="pt")["pixel_values"][0]
        assert abs(prepare(image, 224) - theirs).max() < 1e-5


def test_another_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError):
        ClipColours("cpu", True, tmp_path).load()
