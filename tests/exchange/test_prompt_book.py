"""Prompts of foreign records: the benchmark's, those a record brings, and neither."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from spatialbench.errors import UserError
from spatialbench.exchange.prompt_book import PromptBook
from spatialbench.plugins.records import BoxRecord
from spatialbench.prompts import Prompt

from ..stages.fakes import Shapes


class Shelves(Shapes):
    """A benchmark of two subsets that notes which were read."""

    name = "shelves"
    subsets: Mapping[str, str] = {"near": "", "far": ""}
    default_subset = "near"

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    def prompts(self, subset: str) -> Sequence[Prompt]:
        self.read.append(subset)
        return [Prompt(f"{subset}-1", f"the {subset} one", "task")]


class Borrowing(Shelves):
    """The same, for records that bring a text."""

    def prompt_of_record(self, record: Mapping[str, Any], subset: str | None) -> Prompt | None:
        text = record.get("text")
        return Prompt(record["prompt_id"], text, "own") if text else None


def prompt_of(book: PromptBook, content: Mapping[str, Any]) -> Prompt:
    return book.prompt(BoxRecord({"index": 0, **content}))


def test_no_more_subsets_are_read_than_needed() -> None:
    shelves = Shelves()
    book = PromptBook(shelves, None)
    assert prompt_of(book, {"prompt_id": "near-1"}).text == "the near one"
    assert shelves.read == ["near"]
    assert prompt_of(book, {"prompt_id": "far-1"}).text == "the far one"
    assert shelves.read == ["near", "far"]
    assert not book.foreign


def test_a_named_subset_is_the_only_one() -> None:
    book = PromptBook(Shelves(), "near")
    with pytest.raises(UserError, match="'far-1', which shelves:near does not have"):
        prompt_of(book, {"prompt_id": "far-1"})


def test_records_bring_prompts_only_where_the_benchmark_reads_them() -> None:
    record = {"prompt_id": "mine", "text": "my own"}
    with pytest.raises(UserError, match="'mine', which shelves does not have"):
        prompt_of(PromptBook(Shelves(), None), record)
    book = PromptBook(Borrowing(), None)
    assert prompt_of(book, record).text == "my own"
    assert prompt_of(book, dict(record)).task == "own"
    assert list(book.foreign) == ["mine"]
    with pytest.raises(UserError, match="give every prompt an id of its own"):
        prompt_of(book, record | {"text": "another"})
