"""Prompts of a user's own from any of the usual files, and runs of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spatialbench.api.choosing import benchmark_and_subset
from spatialbench.benchmarks.own_prompts import PLUGIN
from spatialbench.benchmarks.own_prompts.reading import prompt_of_record
from spatialbench.errors import UserError
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import Relation

from ..reference_data import reference


def read(folder: Path, name: str, content: str) -> list[tuple[str, str]]:
    (folder / name).write_text(content, encoding="utf-8")
    benchmark, subset = benchmark_and_subset(f"own-prompts:{folder / name}")
    return [(prompt.id, prompt.text) for prompt in benchmark.prompts(subset)]


def test_what_a_text_asks_for_in_its_own_words() -> None:
    """A shared subject is the subject of both; a place in the image relates nothing."""
    prompt = prompt_of_record({"prompt": "a dog below a cat and right of two birds"})
    assert prompt.facts["triplets"] == (
        Triplet("dog", Relation.BELOW, "cat"),
        Triplet("dog", Relation.RIGHT, "birds"),
    )
    assert prompt.objects == ("dog", "cat", "birds")
    assert prompt_of_record({"prompt": "a dog on the right of the image"}).triplet is None
    scene = prompt_of_record({"prompt": "a street with a bus behind a taxi"})
    assert scene.triplet == Triplet("bus", Relation.BEHIND, "taxi")


TWO = [("0", "a dog"), ("1", "a cat, asleep")]
NAMED = [("x7", "a dog"), ("03", "a cat, asleep")]


@pytest.mark.parametrize(
    ("name", "content", "wanted"),
    [
        ("p.txt", "a dog\n\na cat, asleep\n", TWO),
        ("p.txt", "\ufeffa dog\r\na cat, asleep", TWO),
        ("p.jsonl", '{"prompt": "a dog"}\n{"prompt": "a cat, asleep"}\n', TWO),
        ("p.jsonl", '{"prompt": "a dog"}', TWO[:1]),
        ("p.jsonl", '{"id": "x7", "text": "a dog"}\n{"id": "03", "text": "a cat, asleep"}', NAMED),
        ("p.json", '[{"prompt": "a dog", "atom_count": 3}, {"prompt": "a cat, asleep"}]', TWO),
        ("p.json", '["a dog", "a cat, asleep"]', TWO),
        ("p.json", '{"x7": "a dog", "03": "a cat, asleep"}', NAMED),
        ("p.csv", 'index,prompt_en,sub_dims_en\n0,a dog,{}\n1,"a cat, asleep",{}\n', TWO),
        ("p.csv", 'prompt\na dog\n"a cat, asleep"\n,\n', TWO),
        ("p.tsv", "id\tprompt\nx7\ta dog\n03\ta cat, asleep\n", NAMED),
    ],
)
def test_the_usual_files(
    tmp_path: Path, name: str, content: str, wanted: list[tuple[str, str]]
) -> None:
    assert read(tmp_path, name, content) == wanted


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("p.txt", "\n\n", "holds no prompt"),
        ("p.jsonl", '{"prompt": "a"}\n{"prompt": ', "line 2 is no JSON"),
        ("p.jsonl", '{"prompt": "a"}\n[1]\n', "line 2 is no object"),
        ("p.jsonl", '{"prompt": "a"}\n{"words": "b"}\n', "line 2, is not a prompt"),
        ("p.jsonl", '{"id": 7, "prompt": "a"}\n{"id": "7", "prompt": "b"}\n', "line 1 has already"),
        ("p.json", '{"7": "a", "7": "b"}', "key '7' has already"),
        ("p.jsonl", '{"id": "../x", "prompt": "a"}\n{"prompt": "b"}\n', "cannot be a folder name"),
        ("p.jsonl", '{"id": 1.5, "prompt": "a"}\n{"prompt": "b"}\n', "neither a text nor a whole"),
        ("p.csv", "number,words\n1,a\n", "it has the columns 'number', 'words'"),
        ("p.jsonl", '{"prompt": "a", "relations": [["a", "besides", "b"]]}\n{}', "line 1"),
        ("none.txt", "", "holds no prompt"),
    ],
)
def test_files_that_are_no_prompts(tmp_path: Path, name: str, content: str, said: str) -> None:
    with pytest.raises(UserError) as refused:
        read(tmp_path, name, content)
    assert said in str(refused.value)


def test_no_file_and_a_file_that_is_not_there() -> None:
    with pytest.raises(UserError, match="give --bench own-prompts:FILE"):
        PLUGIN.prompts("all")
    with pytest.raises(UserError, match=r"nowhere\.txt cannot be read"):
        benchmark_and_subset("own-prompts:nowhere.txt")


def prompts(folder: Path, *lines: str) -> list[Prompt]:
    (folder / "p.txt").write_text("\n".join(lines))
    benchmark, subset = benchmark_and_subset(f"own-prompts:{folder / 'p.txt'}")
    return list(benchmark.prompts(subset))


def test_what_a_text_asks_for_in_so_many_words(tmp_path: Path) -> None:
    said = prompts(
        tmp_path,
        "a photo of a dog to the left of a cat",
        "A wine glass above the table",
        "two dogs playing",
    )
    assert said[0].triplet == Triplet("dog", Relation.LEFT, "cat")
    assert (said[0].task, said[0].objects) == ("left", ("dog", "cat"))
    assert said[1].triplet == Triplet("wine glass", Relation.ABOVE, "table")
    assert (said[2].triplet, said[2].task) == (None, "other")


def test_a_run_holds_its_prompts_and_no_other_files_share_its_table(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text(
        json.dumps({"id": "x", "prompt": "dogs", "relations": [["dog", "left", "cat"]]})
    )
    benchmark, subset = benchmark_and_subset(f"own-prompts:{tmp_path / 'p.jsonl'}")
    (tmp_path / "run").mkdir()
    benchmark.begin_run(tmp_path / "run")
    (tmp_path / "p.jsonl").write_text(
        json.dumps({"id": "x", "prompt": "dogs", "relations": [["dog", "right", "cat"]]})
    )
    other, others = benchmark_and_subset(f"own-prompts:{tmp_path / 'p.jsonl'}")
    assert subset != others
    again = PLUGIN.of_run(tmp_path / "run")
    assert list(again.subsets) == [subset]
    assert again.prompts(subset) == benchmark.prompts(subset)
    assert again.prompts(subset) != other.prompts(others)
    (tmp_path / "run" / "own_prompts.jsonl").unlink()
    with pytest.raises(UserError, match="restore the file"):
        PLUGIN.of_run(tmp_path / "run")


def test_geneval_2s_prompt_file_is_read_as_it_is() -> None:
    path = reference("geneval2", "noncommercial_tests_only", "geneval2_data.jsonl")
    benchmark, subset = benchmark_and_subset(f"own-prompts:{path}")
    found = benchmark.prompts(subset)
    assert len(found) == len({prompt.text for prompt in found}) == 800
    assert [prompt.id for prompt in found[:2]] == ["0", "1"]
