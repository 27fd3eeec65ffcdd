"""CLIPScore gives the cosines of the official code, alone and in company."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from spatialbench.errors import UserError
from spatialbench.judges.clip_score.model import prepared
from spatialbench.judges.clip_score.plugin import PLUGIN, ClipScore
from spatialbench.plugins.evidence import SIMILARITY
from tests.judges.clip_files import save_official_clip, save_tiny_clip
from tests.t2i_whole import Whole, painted

TOLERANCE = 1e-6
"""Of a cosine: rounding alone; another activation or precision is off by 9e-5 and more."""


@pytest.fixture(scope="module")
def told(t2i_whole: Whole) -> Any:
    return t2i_whole.json("clip", "expected_small.json")


@pytest.fixture(scope="module")
def official(
    t2i_whole: Whole, told: Any, clip_tokenizer: Any, tmp_path_factory: pytest.TempPathFactory
) -> ClipScore:
    folder = tmp_path_factory.mktemp("clip")
    save_official_clip(folder, t2i_whole, told, clip_tokenizer)
    made: ClipScore = PLUGIN.configure(str(folder), "cpu", True)
    return made


def test_pixels_tokens_features_and_cosines_are_the_official_ones(
    official: ClipScore, told: Any
) -> None:
    model = official.loaded()
    texts = [one["text"] for one in told["texts"]]
    with torch.inference_mode():
        for one in told["texts"]:
            assert model.tokens(one["text"]) == one["ids"]
            read, first = model.read(one["text"]), one["features"]
            torch.testing.assert_close(read[: len(first)], torch.tensor(first), rtol=0, atol=1e-5)
            assert float(read.norm()) == pytest.approx(one["norm"], rel=1e-6)
        for one in told["pictures"]:
            image = painted(one["picture"])
            pixels = prepared(image, told["config"]["resolution"])[0]
            means = pixels.mean((1, 2)).tolist()
            assert means == pytest.approx(one["pixel_mean"], abs=1e-6)
            row = one["pixel_first_row"]
            assert pixels[0, 0, : len(row)].tolist() == pytest.approx(row, abs=1e-6)
            seen, first = model.look(image), one["features"]
            torch.testing.assert_close(seen[: len(first)], torch.tensor(first), rtol=0, atol=1e-5)
            assert float(seen.norm()) == pytest.approx(one["norm"], rel=1e-6)
    images = [painted(one["picture"]) for one in told["pictures"]]
    found = official.answer(images, [texts] * len(images))
    for numbers, stated in zip(found, told["cosine"], strict=True):
        assert numbers == pytest.approx(stated, abs=TOLERANCE)
    assert min(min(numbers) for numbers in found) < 0, "negative ones are kept"


@pytest.mark.parametrize("kind", ["plain", "complex"])
def test_a_folder_of_images_gets_the_official_answers(
    official: ClipScore, told: Any, kind: str
) -> None:
    # The script goes by the number behind the last underscore, and counts the images.
    files = sorted(told["folder"], key=lambda one: int(one["name"].rpartition("_")[2][:-4]))
    texts = [one["name"].partition("_")[0] for one in files]
    if kind == "complex":
        texts = [told["complex_texts"][one["name"]] for one in files]
    images = [painted(one["picture"]) for one in files]
    found = [numbers[0] for numbers in official.answer(images, [[text] for text in texts])]
    stated = told[f"folder_{kind}"]["vqa_result"]
    assert [one["question_id"] for one in stated] == list(range(len(found)))
    assert found == pytest.approx([one["answer"] for one in stated], abs=TOLERANCE)
    average = float(told[f"folder_{kind}"]["score_avg.txt"].partition(":")[2])
    assert sum(found) / len(found) == pytest.approx(average, abs=TOLERANCE)


def test_a_text_that_is_too_long_is_refused_and_not_cut(official: ClipScore) -> None:
    assert len(official.loaded().tokens("dog " * 75)) == 77
    with pytest.raises(UserError, match="has 78 tokens, and CLIP reads 77"):
        official.answer([Image.new("RGB", (32, 32))], [["dog " * 76]])


def test_the_middle_is_cut_out_where_the_official_code_rounds_half_to_even() -> None:
    # 227 wide at the short side 224: the offset is round(1.5) = 2, where others begin at 1.
    image = Image.new("RGB", (227, 224))
    image.putdata([(x, 0, 0) for _ in range(224) for x in range(227)])
    red = prepared(image, 224)[0, 0, 0, 0]
    assert float(red) == pytest.approx((2 / 255 - 0.48145466) / 0.26862954, abs=1e-6)


def test_a_number_depends_on_its_image_and_text_alone(tmp_path: Path) -> None:
    judge = PLUGIN.configure(str(save_tiny_clip(tmp_path)), "cpu", True)
    assert judge.gives == SIMILARITY
    assert judge.signature().startswith("clip-score@")
    assert judge.self_test() == "answers differ between two plain images"
    images = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    together = judge.answer(images, [["a dog", "a cat"], ["a dog"]])
    assert together == [
        judge.answer(images[:1], [["a dog", "a cat"]])[0],
        judge.answer(images[1:], [["a dog"]])[0],
    ]
    assert judge.answer(images, [[], []]) == [[], []]
    # Twice as large an image of one colour is the same image to the model.
    assert judge.answer([images[0].resize((80, 60))], [["a dog"]])[0] == together[0][:1]


def test_the_identity_names_what_decides_the_numbers(tmp_path: Path) -> None:
    own = PLUGIN.configure(None, "cpu", True)
    assert own.signature() == "clip-vit-base-patch32@3d74acf"
    assert own.identity()["weights"]["revision"].startswith("3d74acf")
    folder = save_tiny_clip(tmp_path)
    before = PLUGIN.configure(str(folder), "cpu", True).identity()
    (folder / "tokenizer_config.json").write_text("{}", "utf-8")
    assert PLUGIN.configure(str(folder), "cpu", True).identity() != before


def test_what_is_no_such_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    (lacking,) = PLUGIN.configure(None, "cpu", True).requirements()
    assert lacking.missing is not None
    assert "spatialbench fetch clip-score" in lacking.missing
    with pytest.raises(UserError, match="neither a folder nor a repository"):
        PLUGIN.configure("no such place", "cpu", True)
    folder = save_tiny_clip(tmp_path / "model")
    config = (folder / "config.json").read_text("utf-8")
    (folder / "config.json").write_text(config.replace('"clip"', '"blip"'), "utf-8")
    with pytest.raises(UserError, match="CLIPModel"):
        PLUGIN.configure(str(folder), "cpu", True).load()
