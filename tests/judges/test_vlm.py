"""A vision-language judge: the official answer of every case; a folder of the real class."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from spatialbench.errors import UserError
from spatialbench.judges.one_word import forms
from spatialbench.judges.vlm.first_token import first_tokens, probability
from spatialbench.judges.vlm.model import VisionLanguageModel
from spatialbench.judges.vlm.plugin import PLUGIN, QWEN3_VL_8B, VisionLanguageJudge
from spatialbench.plugins.judge import Question
from spatialbench.weights.origin import Weights
from tests.judges.vlm_files import letters_tokenizer, save_tiny_llava, save_tiny_vlm
from tests.reference_data import reference

BLANK = 220
QWEN = {
    "yes": (9693, 9454, 9834, 7414),
    "one": (603, 3966, 825, 3776),
    "two": (19789, 11613, 1378, 9043),
    "three": (27856, 19641, 2326, 14513),
    "four": (34024, 26972, 3040, 13322),
    "five": (52670, 37020, 4236, 20924),
    "six": (50364, 41460, 4743, 18680),
    "seven": (80185, 59528, 8094, 29948),
    "eight": (67532, 59085, 8063, 35844),
    "nine": (93223, 83329, 11627, 37066),
    "ten": (1960, 32687, 5779, 17695),
}
"""Tokens of Qwen's vocabulary: a word, with a capital, and both with a blank before."""


class QwenTokens:
    """Qwen's tokenizer, as far as answers go: 0 is token 15, and numbers are spelt in digits."""

    unk_token_id = None

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        assert not add_special_tokens
        if text.strip().isdigit():
            return [BLANK] * text.startswith(" ") + [15 + int(digit) for digit in text.strip()]
        word = text.strip().lower()
        return [QWEN[word][2 * text.startswith(" ") + text.strip()[0].isupper()]]

    def decode(self, ids: list[int]) -> str:
        for word, tokens in QWEN.items():
            if ids[0] in tokens:
                place = tokens.index(ids[0])
                return " " * (place > 1) + (word.capitalize() if place % 2 else word)
        digit = ids[0] - 15
        return str(digit) if 0 <= digit < 10 else "something else"


class Told:
    """A processor with Qwen's tokens and a model that gives the logits it is told."""

    tokenizer = QwenTokens()
    device, dtype = torch.device("cpu"), torch.float32

    def __init__(self, logits: torch.Tensor) -> None:
        self.logits = logits
        self.asked: Any = None

    def apply_chat_template(self, messages: Any, **options: Any) -> Any:
        import transformers

        assert options["add_generation_prompt"]
        self.asked = messages
        return transformers.BatchFeature({"input_ids": torch.zeros(1, 1, dtype=torch.long)})

    def generate(self, input_ids: torch.Tensor, **options: Any) -> Any:
        from types import SimpleNamespace

        assert (options["max_new_tokens"], options["do_sample"]) == (1, False)
        return SimpleNamespace(scores=(self.logits[None],))


RED = Image.new("RGB", (8, 8), "red")


def judge_of(told: Told) -> VisionLanguageJudge:
    judge = VisionLanguageJudge(Weights("told", folder=Path("nowhere")), "cpu", True)
    judge._model = VisionLanguageModel(told, told)
    judge.signature = lambda: "told@1"
    return judge


def token_cases() -> list[Any]:
    paths = [reference("geneval2", "geneval2_token_cases.json")]
    if others := os.environ.get("SPATIALBENCH_GENEVAL2"):
        paths += sorted(Path(others).rglob("geneval2_token_cases*.json"))
    return [case for path in paths for case in json.loads(path.read_text("utf-8"))["cases"]]


def test_every_official_answer_is_met() -> None:
    cases = token_cases()
    assert len(cases) >= 60
    for case in cases:
        logits = torch.full((case["vocab"],), case["every_other_logit"])
        for token, value in case["logits"].items():
            logits[int(token)] = value
        counting = case["question"].startswith("How many")
        question = Question(case["question"], case["answer"] if counting else "yes")
        told = Told(logits)
        ((answer,),) = judge_of(told).answer([Image.new("L", (8, 8))], [[str(question)]])
        assert answer == pytest.approx(case["official"]["soft"], rel=1e-3, abs=5e-5), case
        hard = str(replace(question, first=True))
        assert judge_of(told).answer([RED], [[hard]]) == [[case["official"]["tifa_hard"]]]
        ((image, text),) = [message["content"] for message in told.asked]
        assert text["text"] == f"{case['question']} Answer in one word."
        assert image["image"].mode == "RGB"
        assert [message["role"] for message in told.asked] == ["user"]


def test_the_forms_of_an_answer_are_the_official_ones() -> None:
    assert forms("yes") == ("yes", "Yes", " yes", " Yes")
    assert forms("Two") == ("two", "Two", " two", " Two", "2", " 2")
    assert first_tokens(QwenTokens(), "two") == (19789, 11613, 1378, 9043, 17, BLANK)
    # In letters alone a blank begins three of them, and counts once.
    letters = letters_tokenizer()
    assert len(first_tokens(letters, "two")) == 4
    with pytest.raises(UserError, match="has no token for the answer 'two'"):
        first_tokens(type("", (QwenTokens,), {"unk_token_id": 19789})(), "two")


def test_an_answer_is_a_share_of_the_whole_vocabulary_in_float32() -> None:
    logits = torch.tensor([1.0, 2.0, 3.0], dtype=torch.bfloat16)
    assert probability(logits, [0, 2]) == pytest.approx(0.7552715, abs=1e-6)
    assert probability(torch.tensor([0.0, -torch.inf]), [1]) == 0
    for bad in (torch.nan, torch.inf):
        told = judge_of(Told(torch.full((151936,), bad)))
        with pytest.raises(UserError, match=r"told@1 gives an answer to 'Is it\?' that is not fin"):
            told.answer([Image.new("RGB", (8, 8))], [["Is it?"]])


def test_a_question_is_a_text_that_tells_another_answer_than_yes() -> None:
    for question, text in (
        (Question("is it?"), "is it?"),
        (Question("how many are there?", "two"), "how many are there? -> two"),
        (Question("is it?", first=True), "is it? -> first yes"),
        (Question("how many?", "two", first=True), "how many? -> first two"),
        (Question("is it? Say so.", as_it_is=True), "is it? Say so. => yes"),
        (Question("say two", "two", True, True), "say two => first two"),
        (Question("which?", "first"), "which? -> first"),
        (Question("is a -> b?"), "is a -> b?"),
        (Question("a -> b"), "a -> b"),
    ):
        assert str(question) == text
        assert Question.of(text) == question
    assert Question("is {it}?").said("{question} Say so.") == "is {it}? Say so."
    assert Question("is it? Say.", as_it_is=True).said("{question} Say so.") == "is it? Say."


def test_a_folder_answers_alike_alone_and_together(tmp_path: Path) -> None:
    folder = save_tiny_vlm(tmp_path)
    judge = PLUGIN.configure(str(folder), "cpu", True)
    assert judge.signature().startswith("vlm@")
    assert judge.self_test() == "answers differ between two plain images"
    images = [Image.new("RGB", size, "red") for size in ((40, 30), (64, 64))]
    questions = ["Is it a dog?", "How many dogs are in the image? -> two"]
    together = judge.answer(images, [questions, questions[:1]])
    assert together == [judge.answer(images[:1], [questions])[0], [together[1][0]]]
    assert judge.answer(images[1:], [questions[:1]]) == together[1:]
    assert judge.answer(images, [[], []]) == [[], []]
    assert all(0 < answer < 1 for answers in together for answer in answers)
    # The bare library, by hand: the last logits of one forward pass.
    model, processor = judge.loaded().model, judge.loaded().processor
    text = (
        "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>Is it a dog? Answer in one "
        "word.<|im_end|>\n<|im_start|>assistant\n"
    )
    inputs = processor(images=[images[0]], text=[text], return_tensors="pt")
    with torch.inference_mode():
        last = model(**inputs).logits[0, -1].float().softmax(-1)
    ids = {processor.tokenizer.convert_tokens_to_ids(one) for one in ("y", "Y", "Ġ")}
    assert together[0][0] == pytest.approx(float(last[list(ids)].sum()), rel=1e-5)
    assert model.dtype == torch.bfloat16
    identity = judge.identity()
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    assert judge.identity()["weights"] != identity["weights"]


def test_a_model_of_another_class_is_asked_the_same_way(tmp_path: Path) -> None:
    judge = PLUGIN.configure(str(save_tiny_llava(tmp_path)), "cpu", True)
    assert judge.self_test() == "answers differ between two plain images"
    assert judge.loaded().model.dtype == torch.float32
    ((yes, two),) = judge.answer([Image.new("RGB", (40, 30), "red")], [["Is it?", "Is it? -> two"]])
    assert 0 < yes < 1
    assert 0 < two < 1


def test_what_is_no_such_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="give --judge vlm:FOLDER"):
        PLUGIN.configure(None, "cpu", True)
    with pytest.raises(UserError, match=r"is not pinned \(it names no revision\)"):
        PLUGIN.configure("org/name", "cpu", True)
    folder = save_tiny_vlm(tmp_path)
    template = (folder / "chat_template.jinja").read_text()
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(UserError, match="has no chat template"):
        PLUGIN.configure(str(folder), "cpu", True).load()
    (folder / "chat_template.jinja").write_text(template)
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(UserError, match="cannot load the processor"):
        PLUGIN.configure(str(folder), "cpu", True).load()
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "bert"}))
    with pytest.raises(UserError, match="has no processor of images and text"):
        PLUGIN.configure(str(folder), "cpu", True).load()


def test_the_named_judge_is_pinned_and_missing_weights_are_said() -> None:
    judge = QWEN3_VL_8B.configure(None, "cpu", True)
    assert judge.signature() == "Qwen3-VL-8B-Instruct@0c351dd"
    told = [one.missing for one in judge.requirements()]
    assert told
    assert all(one and "spatialbench fetch qwen3-vl-8b" in one for one in told)
