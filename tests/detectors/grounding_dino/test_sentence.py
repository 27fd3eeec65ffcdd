"""Every token belongs to the name it came from."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from spatialbench.detectors.grounding_dino.model import by_name
from spatialbench.detectors.grounding_dino.sentence import FRAME, Sentence, sentence
from spatialbench.errors import UserError
from tests.tiny_models import bert_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return bert_tokenizer()


def spelled(tokenizer: Any, read: Sentence, owner: int) -> list[str]:
    ids = [i for i, whose in zip(read.input_ids, read.owners, strict=True) if whose == owner]
    return list(tokenizer.convert_ids_to_tokens(ids))


def test_names_own_their_pieces_and_nothing_else(tokenizer: Any) -> None:
    read = sentence(tokenizer, ("wine glass", "Dog", "bench"), 32, "it")
    assert spelled(tokenizer, read, 0) == ["wine", "glass"]
    assert spelled(tokenizer, read, 1) == ["dog"]
    assert spelled(tokenizer, read, 2) == ["ben", "##ch"]
    assert spelled(tokenizer, read, FRAME) == ["[CLS]", ".", ".", ".", "[SEP]"]
    assert read.input_ids == tuple(tokenizer("wine glass. dog. bench.").input_ids)


def test_a_name_inside_another_owns_its_own_tokens_only(tokenizer: Any) -> None:
    """By letters "glass" and "wine glass" could not be told apart; by place they are."""
    read = sentence(tokenizer, ("glass", "wine glass", "hot dog", "dog"), 32, "it")
    assert [spelled(tokenizer, read, i) for i in range(4)] == [
        ["glass"],
        ["wine", "glass"],
        ["hot", "dog"],
        ["dog"],
    ]


def test_a_name_scores_as_its_best_token() -> None:
    read = Sentence((101, 1, 2, 1012, 3, 1012, 102), (FRAME, 0, 0, FRAME, 1, FRAME, FRAME))
    logits = torch.tensor([[9.0, 1, 2, 9, -3, 9, 9, -torch.inf], [9, -5, -6, 9, 4, 9, 9, -9]])
    assert by_name(logits, read, 2).tolist() == [[2, -3], [-5, 4]]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("st. bernard",), "separates object names by periods"),
        (("dog", "what?"), "separates object names by periods"),
        (("  ",), "separates object names by periods"),
        (("dog", "zebra"), "no word for the object 'zebra'"),
        (("wine glass", "traffic light", "dog"), "reads 8 tokens, but the 3 object names"),
    ],
)
def test_names_it_cannot_read(tokenizer: Any, names: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        sentence(tokenizer, names, 8, "it")
