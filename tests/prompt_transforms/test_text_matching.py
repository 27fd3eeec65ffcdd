"""Files of rewritten prompts: which entry is for which prompt, and what is refused."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spatialbench.errors import UserError
from spatialbench.plugins import load
from spatialbench.plugins.layout import Names
from spatialbench.prompt_transforms import GivenTexts, is_given, signature_of
from spatialbench.prompt_transforms.text_matching import texts_of_file, texts_of_mapping
from spatialbench.prompts import Prompt
from tests.reference_data import reference


def _judged(metadata: Any) -> str | None:
    return metadata["tag"] if isinstance(metadata, dict) and "tag" in metadata else None


def _names(*words: str) -> Names:
    prompts = [
        Prompt(f"p{word}", f"a {word}", "t", facts={"metadata": {"tag": word}}) for word in words
    ]
    return Names(prompts, 1, _judged)


NAMES = _names("cat", "dog", "cow")
WANTED = {"pcat": "A CAT", "pdog": "A DOG"}


def _others() -> Iterator[Names]:
    yield _names("fox")


def _read(tmp_path: Path, content: str, field: str = "") -> dict[str, str]:
    path = tmp_path / "texts.jsonl"
    path.write_text(content, "utf-8")
    return texts_of_file(f"{path}{field}", NAMES, _others)


def _lines(*records: Any) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.mark.parametrize(
    "content",
    [
        _lines({"prompt_id": "pcat", "text": "A CAT"}, {"prompt_id": "pdog", "text": "A DOG"}),
        _lines({"id": "pdog", "prompt": "A DOG"}, {"id": "pcat", "prompt": "A CAT"}),
        _lines({"tag": "dog", "prompt": "A DOG"}, {"prompt": "A CAT", "tag": "cat"}),
        _lines(
            {"prompt": "a cat", "rewritten": "A CAT"}, {"prompt": "a dog", "rewritten": "A DOG"}
        ),
        _lines({"original": "a cat", "text": "A CAT"}, {"original": "a dog", "text": "A DOG"}),
        _lines(
            {"metadata": '{"tag": "cat"}', "prompt": "A CAT"},
            {"metadata": {"tag": "dog"}, "prompt": "A DOG"},
        ),
        # What a run of ours stores.
        _lines(
            {"prompt_id": "pcat", "prompt_original": "a cat", "prompt_sent": "A CAT", "rule": ""},
            {"prompt_id": "pdog", "prompt_original": "a dog", "prompt_sent": "A DOG", "rule": ""},
        ),
        # Each line four times and shuffled, blank lines, a byte order mark, no last newline.
        "\ufeff\n"
        + "\n\n".join(
            json.dumps({"tag": word, "prompt": f"A {word.upper()}"}) for word in ("dog", "cat") * 4
        ),
        json.dumps([{"id": "pcat", "text": "A CAT"}, {"id": "pdog", "text": "A DOG"}], indent=1),
        json.dumps({"pcat": "A CAT", "a dog": "A DOG"}, indent=1),
        json.dumps({"pcat": {"prompt": "A CAT"}, "pdog": {"prompt": "A DOG"}}),
        # Two fields with the same text in every line are one candidate.
        _lines(
            {"id": "pcat", "prompt": "A CAT", "text": "A CAT"},
            {"id": "pdog", "prompt": "A DOG", "text": "A DOG"},
        ),
        # What another subset of the benchmark has is left out.
        _lines(
            {"id": "pfox", "text": "A FOX"},
            {"id": "pcat", "text": "A CAT"},
            {"id": "pdog", "text": "A DOG"},
        ),
    ],
)
def test_every_form_gives_the_same_texts(tmp_path: Path, content: str) -> None:
    assert _read(tmp_path, content) == WANTED


def test_a_single_line_is_a_record_and_no_table(tmp_path: Path) -> None:
    assert _read(tmp_path, _lines({"prompt_id": "pcat", "text": "A CAT"})) == {"pcat": "A CAT"}


def test_a_line_with_an_official_text_alone_leaves_it(tmp_path: Path) -> None:
    assert _read(tmp_path, _lines({"prompt": "a cat"})) == {"pcat": "a cat"}


def test_an_id_of_its_owner_is_no_hindrance_where_something_else_says_the_prompt(
    tmp_path: Path,
) -> None:
    record = {"id": 17, "index": "00000", "tag": "cat", "prompt": "A CAT"}
    assert _read(tmp_path, _lines(record)) == {"pcat": "A CAT"}


def test_a_text_of_two_prompts_is_rewritten_in_both() -> None:
    names = Names([Prompt("1", "a cat", "t"), Prompt("2", "a cat", "t")], 1)
    assert texts_of_mapping({"a cat": "A CAT"}, names, _others) == dict.fromkeys("12", "A CAT")
    assert texts_of_mapping({1: "A", "2": "B"}, names, _others) == {"1": "A", "2": "B"}


def test_the_field_is_named_where_two_could_be_meant(tmp_path: Path) -> None:
    content = _lines(
        {"tag": "cat", "prompt": "a cat", "detailed_caption": "A CAT", "mine": "my cat"},
        {"tag": "dog", "prompt": "a dog", "detailed_caption": "A DOG", "mine": "my dog"},
    )
    with pytest.raises(UserError, match="several fields") as error:
        _read(tmp_path, content)
    for field in ("prompt", "detailed_caption"):
        assert f"--prompt-transform file:{tmp_path / 'texts.jsonl'}#{field}" in str(
            error.value
        ) or (f" or file:{tmp_path / 'texts.jsonl'}#{field}" in str(error.value))
    assert _read(tmp_path, content, "#detailed_caption") == WANTED
    assert _read(tmp_path, content, "#prompt") == {"pcat": "a cat", "pdog": "a dog"}
    assert _read(tmp_path, content, "#mine")["pdog"] == "my dog"


def test_a_file_with_the_sign_in_its_name_is_that_file(tmp_path: Path) -> None:
    path = tmp_path / "texts#2"
    path.write_text(_lines({"id": "pcat", "text": "A CAT"}))
    assert texts_of_file(str(path), NAMES, _others) == {"pcat": "A CAT"}
    assert texts_of_file(f"{path}#text", NAMES, _others) == {"pcat": "A CAT"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "holds no rewritten prompts"),
        ("[]", "holds no rewritten prompts"),
        ("3", "holds no rewritten prompts"),
        ('["a"]', "entry 1 is not a JSON object"),
        ("a cat\na dog\n", "line 1 cannot be read"),
        (_lines({"id": "pcat", "text": "A"}, [1]), "line 2 is not a JSON object"),
        (_lines({"id": "pcat", "text": "A"}) + '{"id": "pdog", "te', "line 2 cannot be read"),
        (_lines({"id": "pcat", "text": "A"}, {"id": "pdog"}), "line 2 has no text in the field"),
        (_lines({"id": "pcat", "text": "A"}, {"id": "pdog", "text": " "}), "line 2 has no text"),
        (_lines({"id": "pcat", "text": ["A"]}), "line 1 has no text"),
        (_lines({"id": "pcat", "says": "A"}, {"id": "pdog"}), "#FIELD"),
        ('{"pcat": ["A"]}', "key 'pcat' does not give a text"),
        (_lines({"id": "pcat", "text": "A"}, {"id": "pcat", "text": "B"}), "line 2 gives .* pcat"),
        (_lines({"id": "pcat", "text": "A"}, {"tag": "cat", "text": "B"}), "line 2 gives .* pcat"),
        ('{"pcat": "A", "pcat": "B"}', "'pcat' twice"),
        ('{"pcat": "A", "a cat": "B"}', "gives the prompt pcat another text"),
        (
            _lines({"id": "pcat", "text": "A"}) + '{"id": "pdog", "id": "x", "text": "B"}',
            "'id' twice",
        ),
        (_lines({"id": "pcow", "text": "A"}, {"id": "phen", "text": "B"}), "1 of 2 .* phen"),
        (_lines({"tag": "hen", "prompt": "A"}), "no prompt of this metadata"),
        (_lines({"prompt": "a nice hen"}), "it says no prompt"),
        (_lines({"original": "a hen", "text": "A"}), "no prompt 'a hen'"),
        (_lines({"id": "pcat", "original": "a hen", "text": "A"}), "contradicts itself"),
        (_lines({"id": "pcat", "tag": "dog", "text": "A"}), "contradicts itself.* pcat.* pdog"),
        (_lines({"id": "pcat", "prompt": "a dog", "rewritten": "A"}), "contradicts itself"),
        (_lines({"id": "pfox", "text": "A"}), "only texts for other subsets"),
        (_lines({"id": "pcat", "text": "\ud800"}), "half a surrogate"),
    ],
)
def test_refused(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        _read(tmp_path, content)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        texts_of_file(str(tmp_path / "none"), NAMES, _others)
    with pytest.raises(UserError, match="cannot be read"):
        texts_of_file(str(tmp_path), NAMES, _others)


def test_the_signature_is_of_the_canonical_json() -> None:
    texts = {"b": "\u00e9", "a": "x"}
    by_hand = hashlib.sha256(b'{"a":"x","b":"\\u00e9"}').hexdigest()[:16]
    assert (
        signature_of(texts)
        == f"file/{by_hand}"
        == GivenTexts(dict(sorted(texts.items()))).signature
    )
    assert is_given(signature_of({}))
    assert not any(map(is_given, ("file/1", "tore/1", "none", None, f"xfile/{by_hand}")))


def test_given_texts_go_to_other_processes() -> None:
    given = GivenTexts({"pcat": "A CAT"}, "my file")
    assert given.signature == pickle.loads(pickle.dumps(given)).signature


def test_missing_prompts_are_counted_and_named() -> None:
    given = GivenTexts({"pcat": "A CAT"}, "my file")
    given.check(NAMES.prompts[:1])
    with pytest.raises(UserError, match=r"my file has no text for 2 of 3 .*pdog .*pcow"):
        given.check(NAMES.prompts)


def test_the_official_metadata_find_every_prompt_in_any_order(tmp_path: Path) -> None:
    """As the published files have them: other texts and keys, each line four times, shuffled."""
    lines = reference("geneval", "evaluation_metadata.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    texts = [f"A long caption of {record['prompt']}." for record in records]
    rewritten = [
        {"prompt": text, **{key: record[key] for key in reversed(record) if key != "prompt"}}
        for text, record in zip(texts, records, strict=True)
    ]
    path = tmp_path / "long.jsonl"
    path.write_text(
        _lines(*sorted(rewritten * 4, key=lambda r: hashlib.sha256(repr(r).encode()).digest()))
    )
    bench = load("benchmark", "geneval")
    prompts = bench.prompts("all")
    names = Names(prompts, 4, bench.judged_metadata)
    found = texts_of_file(str(path), names, _others)
    assert len(found) == len(lines) == 553
    assert [found[prompt.id] for prompt in prompts] == texts


def _official() -> list[dict[str, Any]]:
    prompts = load("benchmark", "geneval").prompts("all")
    return [dict(prompt.facts["metadata"]) for prompt in prompts]


@pytest.mark.parametrize(
    ("field", "made"),
    [
        # BAGEL and Show-o2; UniLIP; a list, as of diffusionbench-evals.
        ("", lambda one, text: one | {"prompt": text}),
        (
            "#detailed_caption",
            lambda one, text: {"detailed_caption": text, "index": "7"} | one,
        ),
    ],
)
@pytest.mark.parametrize("listed", [False, True])
def test_the_forms_that_others_publish(tmp_path: Path, field: str, made: Any, listed: bool) -> None:
    records = [made(one, f"Long {number}.") for number, one in enumerate(_official())]
    path = tmp_path / "texts"
    path.write_text(json.dumps(records, indent=1) if listed else _lines(*records))
    bench = load("benchmark", "geneval")
    for subset in ("all", "position"):
        prompts = bench.prompts(subset)
        names = Names(prompts, 4, bench.judged_metadata)

        def others() -> Iterator[Names]:
            yield Names(bench.prompts("all"), 4, bench.judged_metadata)

        found = texts_of_file(f"{path}{field}", names, others)
        order = {prompt.id: n for n, prompt in enumerate(bench.prompts("all"))}
        assert found == {prompt.id: f"Long {order[prompt.id]}." for prompt in prompts}
    if field:
        with pytest.raises(UserError, match="several fields"):
            texts_of_file(str(path), names, others)
