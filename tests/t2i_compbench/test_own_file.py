"""Prompts of one's own as a category: what is asked of them, what is left out, what runs keep."""

from __future__ import annotations

from pathlib import Path

import pytest

from spatialbench.api import choosing
from spatialbench.benchmarks.t2i_compbench import PLUGIN
from spatialbench.benchmarks.t2i_compbench.own_file import read_own
from spatialbench.errors import UserError
from spatialbench.plugins import Benchmark
from spatialbench.plugins.subsets import default_detector, default_rule
from spatialbench.prompt_transforms.tagging import Tagged, table_of, table_text


def tagged(text: str, parts: str, *phrases: str) -> Tagged:
    """A prompt whose words are split at blanks; ``parts`` has a letter for each word."""
    names = {"d": "DET", "a": "ADJ", "n": "NOUN", "v": "VERB", "p": "ADP"}
    tokens = tuple(zip(text.split(), (names[part] for part in parts), strict=True))
    places = tuple((text.index(one), text.index(one) + len(one)) for one in phrases)
    return Tagged(text, tokens, places)


BENCH = tagged("a green bench near a red car", "danpdan", "a green bench", "a red car")
SOFA = tagged("the dog sleeps next to a sofa", "dnvpppn"[:3] + "ppdn", "the dog", "a sofa")


def file(folder: Path, *lines: str, table: tuple[Tagged, ...] = ()) -> Path:
    path = folder / "mine.txt"
    path.write_text("".join(f"{line}\n" for line in lines))
    if table:
        table_of(path).write_text(table_text("a tagger 1.0", table))
    return path


def chosen(kind: str, path: Path) -> tuple[Benchmark, str]:
    return choosing.benchmark_and_subset(f"t2i-compbench:{kind}:{path}")


def test_questions_are_the_noun_phrases_of_the_table(tmp_path: Path) -> None:
    top = tagged("a cup on top of a box", "dnpnpdn", "a cup", "top", "a box")
    path = file(tmp_path, BENCH.prompt, top.prompt, table=(BENCH, top))
    benchmark, subset = chosen("color", path)
    asked = [prompt.facts["questions"] for prompt in benchmark.prompts(subset)]
    assert asked == [("a green bench?", "a red car?"), ("a cup?", "a box?")]
    assert default_rule(benchmark, subset).name == "t2i-attribute-official/1"
    (note,) = benchmark.notes(benchmark.prompts(subset), "t2i-attribute-official/1", "x")
    assert note == "noun phrases and parts of speech of these prompts by a tagger 1.0."


def test_a_run_keeps_the_prompts_and_what_was_found_in_them(tmp_path: Path) -> None:
    path = file(tmp_path, BENCH.prompt, table=(BENCH,))
    benchmark, subset = chosen("color", path)
    run = tmp_path / "run"
    run.mkdir()
    benchmark.begin_run(run)
    path.unlink()
    again = PLUGIN.of_run(run)
    assert list(again.subsets) == [subset]
    assert again.prompts(subset) == benchmark.prompts(subset)
    assert PLUGIN.of_run(tmp_path) is PLUGIN
    (run / "t2i_prompts.jsonl").write_text("{}")
    with pytest.raises(UserError, match="cannot be read"):
        PLUGIN.of_run(run)


def test_a_missing_table_and_a_missed_prompt_are_named(tmp_path: Path) -> None:
    path = file(tmp_path, BENCH.prompt)
    with pytest.raises(UserError, match=r"no table of its noun phrases.*spatialbench tag"):
        read_own("color", path)
    file(tmp_path, BENCH.prompt, "a pink dog", table=(BENCH,))
    with pytest.raises(UserError, match="says nothing of the prompt 'a pink dog'"):
        read_own("color", path)


def test_attribute_prompts_are_left_out_of_relations_and_counted(tmp_path: Path) -> None:
    lines = ("a dog on the left of a cat", "a green bench and a red car", "a blue cup")
    benchmark, subset = chosen("2d", file(tmp_path, *lines))
    (prompt,) = benchmark.prompts(subset)
    assert (prompt.text, prompt.facts["words"]) == (lines[0], ("dog", "cat"))
    (note,) = benchmark.notes([prompt], "t2i-2d-official/1", "x")
    assert note.startswith("2 of 3 prompts of the file name no relation that 2d prompts are about")
    with pytest.raises(UserError, match="holds no 2d prompt"):
        chosen("2d", file(tmp_path, *lines[1:]))


def test_relations_are_read_by_the_table_where_there_is_one(tmp_path: Path) -> None:
    """By the template alone the last word before the relation would be the noun."""
    benchmark, subset = chosen("2d", file(tmp_path, SOFA.prompt, table=(SOFA,)))
    assert benchmark.prompts(subset)[0].facts["words"] == ("dog", "sofa")
    assert default_detector(benchmark, subset) == "unidet"


def test_complex_prompts_come_with_two_lists(tmp_path: Path) -> None:
    path = file(tmp_path, BENCH.prompt, SOFA.prompt, table=(BENCH, SOFA))
    with pytest.raises(UserError, match=r"has no mine_spatial\.txt beside it"):
        chosen("complex", path)
    (tmp_path / "mine_spatial.txt").write_text(f"{SOFA.prompt}\n")
    (tmp_path / "mine_action.txt").write_text("")
    benchmark, subset = chosen("complex", path)
    bench, sofa = benchmark.prompts(subset)
    assert [bench.facts["branch"], sofa.facts["branch"]] == ["all", "spatial"]
    assert bench.facts["caption"] == "a bench near a car"
    assert bench.facts["words"] == ("bench", "car")
    rule = default_rule(benchmark, subset)
    assert rule.needs_of(sofa) == ("boxes", "answers")


def test_two_files_share_no_table(tmp_path: Path) -> None:
    one = chosen("non-spatial", file(tmp_path, "a dog runs"))
    other = chosen("non-spatial", file(tmp_path, "a cat runs"))
    assert one[1] != other[1]
    with pytest.raises(UserError, match="more than once"):
        chosen("non-spatial", file(tmp_path, "a cat runs", "a cat runs"))
