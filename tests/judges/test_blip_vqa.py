"""BLIP-VQA gives what the official code gave, from its own file; a folder is loaded as strictly."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from spatialbench.benchmarks.t2i_compbench.attribute_rule import product
from spatialbench.errors import UserError
from spatialbench.judges.blip_vqa.conversion import build
from spatialbench.judges.blip_vqa.model import BlipVqa, cleaned
from spatialbench.judges.blip_vqa.plugin import PLUGIN
from tests.judges.blip_files import save_tiny_blip
from tests.t2i_whole import Whole, filled, painted

TOLERANCE = 2e-6
"""Of a probability: rounding alone; what is wrong by one constant is off by 4e-6 and more."""


def official_state(told: Any) -> dict[str, torch.Tensor]:
    return filled(told["shapes"], told.get("fill_prefix", ""), told["ties"])


def official_model(whole: Whole, told: Any) -> BlipVqa:
    import transformers

    heads = told["config"]["vision"]["num_heads"]
    model = build(official_state(told), "the official model", vision_heads=heads)
    words = whole.beside("blip", "bert_vocab.txt")
    return BlipVqa(model, transformers.BertTokenizer(vocab=str(words)))


@pytest.fixture(scope="module")
def small(t2i_whole: Whole) -> BlipVqa:
    return official_model(t2i_whole, t2i_whole.json("blip", "expected_small.json"))


@torch.inference_mode()
def test_probabilities_are_the_official_codes(small: BlipVqa, t2i_whole: Whole) -> None:
    for result in t2i_whole.json("blip", "expected_small.json")["results"]:
        seen = small.look(painted(result["picture"]))
        stated = result["image_embeds"]
        assert list(seen.shape[1:]) == stated["shape"]
        torch.testing.assert_close(
            seen[0, 0, : len(stated["cls"])], torch.tensor(stated["cls"]), rtol=0, atol=1e-5
        )
        for item in result["items"]:
            assert cleaned(item["question"]) == item["cleaned"]
            assert small.tokens(item["question"])[0].tolist() == item["input_ids"]
            answer = small.yes(seen, item["question"])
            assert answer == pytest.approx(item["prob_alone"], abs=TOLERANCE)
            assert answer == pytest.approx(item["prob"], abs=TOLERANCE)


@torch.inference_mode()
def test_folders_of_images_get_the_official_answers(small: BlipVqa, t2i_whole: Whole) -> None:
    runs = t2i_whole.json("blip", "end_to_end.json")["runs"]
    assert runs
    for told in runs:
        compare_folder(small, told)


def compare_folder(small: BlipVqa, told: Any) -> None:
    # The script goes by the number behind the last underscore.
    images = sorted(told["images"], key=lambda one: int(one["name"].rpartition("_")[2][:-4]))
    for place, image in enumerate(images):
        asked = [passed["questions"][place] for passed in told["per_index"]]
        seen = small.look(painted(image["picture"]))
        answers = [small.yes(seen, question) for question in asked if question]
        stated = told["vqa_result"][place]
        assert stated["question_id"] == place
        assert product(answers) == pytest.approx(float(stated["answer"]), abs=1.01e-4)


@pytest.mark.skipif(
    "SPATIALBENCH_FULL_MODELS" not in os.environ,
    reason="a model of full size on the CPU: set SPATIALBENCH_FULL_MODELS to run it",
)
@torch.inference_mode()
def test_the_full_size_gives_the_official_probabilities(t2i_whole: Whole) -> None:
    told = t2i_whole.json("blip", "expected_full.json")
    keys = t2i_whole.keys("blip")["keys"]
    floats = [(name, shape) for name, shape, dtype, _ in keys if dtype == "float32"]
    model = official_model(t2i_whole, {**told, "shapes": dict(floats)})
    for result in told["results"]:
        seen = model.look(painted(result["picture"]))
        for item in result["items"]:
            answer = model.yes(seen, item["question"])
            assert answer == pytest.approx(item["prob_alone"], abs=TOLERANCE)


def test_a_checkpoint_that_does_not_fit_is_refused_by_name(t2i_whole: Whole) -> None:
    told = t2i_whole.json("blip", "expected_small.json")
    state = official_state(told)
    lacking = {k: v for k, v in state.items() if k != "text_decoder.bert.embeddings.LayerNorm.bias"}
    with pytest.raises(UserError, match=r"1 missing \(text_decoder.bert.embeddings.LayerNorm.bias"):
        build(lacking, "it", vision_heads=4)
    with pytest.raises(UserError, match=r"1 unexpected \(itm_head.weight"):
        build({**state, "itm_head.weight": torch.zeros(1)}, "it", vision_heads=4)
    state["visual_encoder.norm.weight"] = torch.full((48,), torch.nan)
    with pytest.raises(UserError, match="not finite"):
        build(state, "it", vision_heads=4)
    with pytest.raises(UserError, match="is not a BLIP-VQA checkpoint"):
        build({"head.weight": torch.zeros(1)}, "it")


def test_a_folder_answers_each_image_and_question_alike_alone_and_together(tmp_path: Path) -> None:
    judge = PLUGIN.configure(str(save_tiny_blip(tmp_path)), "cpu", True)
    assert judge.signature().startswith("blip-vqa@")
    assert judge.self_test() == "answers differ between two plain images"
    images = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    questions = ["a dog?", "is it a dog?"]
    together = judge.answer(images, [questions, questions[:1]])
    assert together == [judge.answer(images[:1], [questions])[0], [together[1][0]]]
    assert judge.answer(images[1:], [questions[:1]]) == together[1:]
    assert judge.answer(images, [[], []]) == [[], []]
    assert all(0 < answer < 1 for answers in together for answer in answers)
    assert together[0][0] != together[1][0]


def test_what_is_no_such_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--judge blip-vqa:PATH"):
        PLUGIN.configure(None, "cpu", True).load()
    with pytest.raises(UserError, match="neither a folder nor a repository"):
        PLUGIN.configure("no such place", "cpu", True)
    folder = save_tiny_blip(tmp_path)
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nyes\nno\n", "utf-8")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(UserError):
        PLUGIN.configure(str(folder), "cpu", True).load()
