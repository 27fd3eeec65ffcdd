"""GenEval's own files read and written, and wrong ones refused."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from spatialbench.benchmarks.geneval import PLUGIN
from spatialbench.benchmarks.geneval.official import (
    place_of,
    read_official,
    sample_path,
    summary_text,
)
from spatialbench.benchmarks.geneval.prompts import prompts
from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.exchange.foreign import score_verdicts
from spatialbench.plugins import Evidence
from spatialbench.plugins.layout import Names

FIRST = prompts("position")[0]


def images() -> list[tuple[Any, int, Detections]]:
    boxes = [[0, 0, 100, 100], [300, 0, 400, 100]]
    names = [FIRST.triplet.subject, FIRST.triplet.object]
    right = Detections.build(boxes[::-1], [0.9, 0.8], names, 512, 512)
    wrong = Detections.build(boxes, [0.9, 0.8], names, 512, 512)
    return [(FIRST, 1, wrong), (FIRST, 0, right)]


def written(text: str = FIRST.text) -> dict[str, bytes]:
    rule = PLUGIN.rules["official"]
    sent = replace(FIRST, text=text)
    seen = [(sent, k, Evidence(sent, k, boxes=boxes)) for _, k, boxes in images()]
    return dict(PLUGIN.official_results(seen, "position", rule, 0.3, "sd"))


def test_results_come_back(tmp_path: Path) -> None:
    files = written()
    path = tmp_path / "results.jsonl"
    path.write_bytes(files["results.jsonl"])
    back = read_official(path)
    assert [(prompt.id, k, v.correct) for prompt, k, v in back] == [
        ("00353", 0, True),
        ("00353", 1, False),
    ]
    assert back[0][0] is FIRST
    scored = score_verdicts(PLUGIN, back, rule="geneval-official/1", threshold=0.3)
    assert scored.summary.metric("position") == 50.0
    lines = [json.loads(line) for line in files["results.jsonl"].splitlines()]
    assert b"00353\\/samples\\/00000.png" in files["results.jsonl"]
    assert json.loads(lines[0]["details"])[FIRST.objects[0]][0][4] == pytest.approx(0.9)
    assert "position         = 50.00% (1 / 2)" in files["summary.txt"].decode()
    assert "Overall score (avg. over tasks): 0.50000" in files["summary.txt"].decode()


def test_results_of_rewritten_prompts_say_the_text_and_come_back_as_such(tmp_path: Path) -> None:
    """As the official evaluator writes them where the metadata hold a rewritten prompt."""
    plain, rewritten = written(), written("a long text")
    path = tmp_path / "results.jsonl"
    path.write_bytes(rewritten["results.jsonl"])
    assert PLUGIN.texts_in_results(path) == {FIRST.id: "a long text"}
    assert [prompt.id for prompt, _, _ in read_official(path)] == ["00353", "00353"]
    for line, own in zip(
        *(f["results.jsonl"].splitlines() for f in (rewritten, plain)), strict=True
    ):
        told, before = json.loads(line), json.loads(own)
        metadata = json.loads(told["metadata"])
        assert told["prompt"] == metadata["prompt"] == "a long text"
        assert list(metadata) == list(json.loads(before["metadata"]))
        assert told["correct"] == before["correct"]


def test_layout() -> None:
    assert sample_path(FIRST, 3) == "00353/samples/00003.png"
    assert place_of("C:\\out\\00353\\samples\\0003.png") == ("00353", 3)
    for name in ("00353/00003.png", "00353/samples/grid.png", "00353/samples/00003.jpg"):
        with pytest.raises(UserError, match="is not a sample of GenEval"):
            place_of(name)


def result(**changes: Any) -> str:
    line = json.loads(written()["results.jsonl"].splitlines()[0])
    return json.dumps(line | changes) + "\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}\n", "line 1, is not a GenEval result"),
        (result() + "[", "line 2, is not a GenEval result"),
        (result(metadata="{}"), "are not|is not GenEval's"),
        (result(metadata="{"), "is not GenEval's"),
        (result(filename="a.png"), "is not a sample of GenEval"),
    ],
)
def test_wrong_results(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text(content)
    with pytest.raises(UserError, match=said):
        read_official(path)


def test_a_folder_with_two_prompts_is_refused(tmp_path: Path) -> None:
    other = json.dumps(prompts("position")[1].facts["metadata"])
    third = json.dumps(prompts("position")[2].facts["metadata"])
    path = tmp_path / "results.jsonl"
    name = "00000/samples/{}.png"
    path.write_text(
        result(filename=name.format(0), metadata=other)
        + result(filename=name.format(1), metadata=third)
    )
    with pytest.raises(UserError, match="give every prompt a folder of its own"):
        read_official(path)


def test_other_peoples_prompts_are_scored_too(tmp_path: Path) -> None:
    own = {"tag": "position", "include": FIRST.facts["metadata"]["include"], "prompt": "my own"}
    path = tmp_path / "results.jsonl"
    path.write_text(result(metadata=json.dumps(own), filename="7/samples/0.png"))
    ((prompt, index, verdict),) = read_official(path)
    assert (prompt.text, index, verdict.correct) == ("my own", 0, True)


def test_a_summary_of_nothing() -> None:
    with pytest.raises(UserError, match="no result to summarise"):
        summary_text([])


def test_an_exported_folder_says_what_its_images_were_made_from() -> None:
    """And is found again by its metadata, as the folders of those who rewrite are."""
    own = prompts("position")
    official = partial(PLUGIN.official_prompts, "position")
    names = Names(own, 4, PLUGIN.judged_metadata, official, {FIRST.id: "a long text"})
    keys = [(FIRST.id, 0), (own[1].id, 0)]
    planned = PLUGIN.layouts["geneval"].plan(names, keys)
    told = {name: json.loads(content) for name, content in planned.files.items()}
    assert told[f"{FIRST.id}/metadata.jsonl"]["prompt"] == "a long text"
    assert told[f"{own[1].id}/metadata.jsonl"]["prompt"] == own[1].text
    for prompt in own[:2]:
        key = PLUGIN.judged_metadata(told[f"{prompt.id}/metadata.jsonl"])
        assert key == PLUGIN.judged_metadata(prompt.facts["metadata"])
