"""Which prompt a client means."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spatialbench.benchmarks.geneval import PLUGIN as GENEVAL
from spatialbench.errors import UserError
from spatialbench.prompts import Prompt
from spatialbench.serve.asked import Asked, Refused
from spatialbench.serve.asked_prompts import AskedPrompts
from tests.stages.fakes import Shapes

OFFICIAL = GENEVAL.prompts("all")
CUPS = {"tag": "counting", "include": [{"class": "cup", "count": 7}], "prompt": "seven cups"}


@pytest.fixture(scope="module")
def geneval() -> AskedPrompts:
    return AskedPrompts(GENEVAL, "all")


def asked(**what: Any) -> Asked:
    return Asked(b"", **what)


def written(folder: Path, *lines: Any) -> Path:
    path = folder / "metadata.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


@pytest.mark.parametrize("prompt", OFFICIAL[::50], ids=lambda prompt: prompt.id)
def test_each_of_the_three_tells_the_prompt(geneval: AskedPrompts, prompt: Prompt) -> None:
    line = dict(prompt.facts["metadata"])
    for one in (
        asked(metadata=line),
        asked(prompt_id=prompt.id),
        asked(text=prompt.text),
        asked(text=f" {prompt.text}\n"),
        asked(text=json.dumps(line)),
        asked(metadata=line, prompt_id=prompt.id, text=prompt.text),
        asked(metadata={}, text=prompt.text),
        # A rewritten text is nobody's, and the rest says whose it is.
        asked(metadata=line | {"prompt": "a long text"}, text="a long text"),
        asked(prompt_id=prompt.id, text="a long text"),
    ):
        assert geneval.find(one) == prompt


def test_metadata_of_no_official_prompt_are_enough(geneval: AskedPrompts) -> None:
    found = geneval.find(asked(metadata=CUPS))
    assert (found.text, found.task) == ("seven cups", "counting")
    assert found.id.startswith("metadata-")
    assert geneval.find(asked(text=json.dumps(CUPS))) == found
    # The server knows no more than before.
    with pytest.raises(Refused, match="no prompt reads 'seven cups'"):
        geneval.find(asked(text="seven cups"))


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ({}, "nothing says which prompt"),
        ({"metadata": {}}, "nothing says which prompt"),
        ({"text": "a photo of a dragon"}, "--metadata FILE"),
        ({"text": ""}, "no prompt reads ''"),
        ({"text": 3}, "expected text"),
        ({"text": '{"tag": '}, "begins like metadata, and is no JSON object"),
        ({"text": '{"tag": "colors"}'}, "not GenEval's"),
        ({"text": "{" * 100_000}, "no JSON object"),
        ({"prompt_id": "99999"}, "no prompt has the id '99999'"),
        ({"prompt_id": 12}, "no prompt has the id '12'"),
        ({"prompt_id": ["00001"]}, "no prompt has the id"),
        ({"metadata": [1]}, "expected an object"),
        ({"metadata": "a photo of a bench"}, "expected an object"),
        ({"metadata": {"prompt": OFFICIAL[0].text}}, "tag: Field required"),
        ({"metadata": CUPS, "prompt_id": "00000"}, "both of the same prompt"),
        ({"prompt_id": "00000", "text": OFFICIAL[1].text}, "both of the same prompt"),
        ({"metadata": CUPS, "text": OFFICIAL[1].text}, "both of the same prompt"),
        ({"metadata": OFFICIAL[0].facts["metadata"], "prompt_id": "00001"}, "the id is 00001"),
        ({"prompt_id": "00000", "text": 7}, "expected text"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_refused(geneval: AskedPrompts, what: dict[str, Any], told: str) -> None:
    with pytest.raises(Refused) as error:
        geneval.find(asked(**what))
    assert told in str(error.value)
    assert len(str(error.value)) < 700


_leaf = (
    st.none()
    | st.integers(-3, 5)
    | st.floats()
    | st.text(max_size=3)
    | st.binary(max_size=2)
    | st.sampled_from(["left of", "cat", "red", "colors"])
)
_keys = st.sampled_from(["class", "count", "color", "position", 1, b"x"])
_value = st.recursive(
    _leaf, lambda one: st.lists(one, max_size=3) | st.dictionaries(_keys, one, max_size=4)
)
_object = st.fixed_dictionaries(
    {"class": st.sampled_from(["cat", b"x"]), "count": st.sampled_from([1, 2, 0, 1.0, 10**30])},
    optional={
        "color": _value,
        "position": _value | st.tuples(st.just("above"), st.integers(-3, 3)),
    },
)
_line = st.fixed_dictionaries(
    {
        "tag": st.sampled_from(["colors", "", 3]),
        "prompt": st.just("p") | _value,
        "include": st.lists(_object, max_size=3) | _value,
    },
    optional={"exclude": st.lists(_object, max_size=2) | _value},
)


@settings(deadline=None)
@given(_line)
def test_any_metadata_are_a_prompt_or_refused(geneval: AskedPrompts, line: dict[str, Any]) -> None:
    try:
        prompt = geneval.find(asked(metadata=line))
    except Refused:
        return
    assert json.loads(json.dumps(prompt.facts["metadata"]))["tag"] == "colors"


class Twice(Shapes):
    """Two prompts with one text."""

    def __init__(self) -> None:
        super().__init__(4)
        first, second, *rest = self._prompts
        twin = Prompt(second.id, first.text, second.task, second.triplet, second.objects)
        self._prompts = [first, twin, *rest]


def test_a_text_of_two_prompts_needs_more() -> None:
    prompts = AskedPrompts(Twice(), "all")
    text = prompts.prompts[0].text
    with pytest.raises(Refused, match=r"2 prompts read .* its id \(0, 1\)"):
        prompts.find(asked(text=text))
    assert prompts.find(asked(text=text, prompt_id="1")).id == "1"
    # It has no metadata, so that none are proposed.
    with pytest.raises(Refused, match="or the prompt's id"):
        prompts.find(asked(text="a dog"))


def test_a_benchmark_without_metadata_takes_a_line_that_names_the_prompt() -> None:
    """Flow-GRPO's client sends metadata and nothing else."""
    prompts = AskedPrompts(Shapes(4), "all")
    by_id = prompts.find(asked(metadata={"prompt_id": "2", "tag": "x"}))
    assert by_id == prompts.find(asked(metadata={"prompt": by_id.text}))
    for line, told in (
        ({"tag": "x"}, "neither a prompt_id nor a prompt"),
        ({"prompt_id": "77"}, "no prompt has the id '77'"),
        ({"prompt": '{"prompt": "{}"}'}, "neither a prompt_id nor a prompt"),
    ):
        with pytest.raises(Refused, match=told):
            prompts.find(asked(metadata=line))


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    official = OFFICIAL[7]
    rewritten = dict(official.facts["metadata"]) | {"prompt": "a long text"}
    path = written(tmp_path, CUPS, CUPS, rewritten)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes() + b"\n\n")
    prompts = AskedPrompts(GENEVAL, "all", path)
    assert prompts.find(asked(text="seven cups")).facts["metadata"]["include"][0]["count"] == 7
    # One line of the official prompts' metadata is that prompt, whatever its text is.
    assert prompts.find(asked(text="a long text")) == official
    assert prompts.find(asked(text=official.text)) == official
    cups = prompts.find(asked(metadata=CUPS))
    assert prompts.find(asked(prompt_id=cups.id)) == cups
    assert len(prompts.prompts) == len(OFFICIAL) + 1


def test_ones_own_file_says_what_a_text_means(tmp_path: Path) -> None:
    text = OFFICIAL[7].text
    prompts = AskedPrompts(GENEVAL, "all", written(tmp_path, CUPS | {"prompt": text}))
    assert prompts.find(asked(text=text)).objects == ("cup",)
    both = AskedPrompts(
        GENEVAL,
        "all",
        written(tmp_path, CUPS, CUPS | {"tag": "two_object", "prompt": "seven cups"}),
    )
    with pytest.raises(Refused, match="2 prompts read 'seven cups'"):
        both.find(asked(text="seven cups"))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"tag": 1}\n', "line 1 of"),
        (json.dumps(CUPS).encode() + b"\nnot json\n", "line 2 of"),
        (b"[]\n", "it is no object"),
        (b"\xff\xfe{}", "UTF-16"),
        (None, "No such file"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, content: bytes | None, told: str) -> None:
    path = tmp_path / "own.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match="cannot be read as metadata") as error:
        AskedPrompts(GENEVAL, "all", path)
    assert told in str(error.value)


def test_a_file_for_a_benchmark_without_metadata(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"shapes has no metadata .* leave out --metadata"):
        AskedPrompts(Shapes(), "all", written(tmp_path, CUPS))
