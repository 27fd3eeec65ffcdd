"""Files from elsewhere that used to give a wrong number, a shifted one, or a misleading reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.reference_data import t2i_compbench_files

from .conftest import Command

MARK = "\ufeff"
VISOR = ("score", "--bench", "visor", "--detections", "boxes.jsonl")


def boxes(name: Callable[[str], str] = str, score: float = 0.9, **change: Any) -> None:
    """Two pictures of VISOR's prompt 0, "a person to the left of a bicycle", both right."""
    lines = [
        {
            "prompt_id": "0",
            "index": index,
            "width": 64,
            "height": 64,
            "boxes": [[0, 0, 10, 10], [40, 0, 50, 10]],
            "scores": [score, score],
            "labels": [name("person"), name("bicycle")],
        }
        | change
        for index in range(2)
    ]
    Path("boxes.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_names_as_they_are_asked(spatialbench: Command) -> None:
    boxes()
    assert json.loads(spatialbench(*VISOR, "--format", "json").out)["OA"] == 100


@pytest.mark.parametrize("spelt", ["a photo of a {}", "{} ", "{}s", "A {}."])
@pytest.mark.parametrize("door", ["score", "import"])
def test_labels_that_are_the_queries(spatialbench: Command, spelt: str, door: str) -> None:
    boxes(spelt.format)
    imported = ("import", "boxes.jsonl", "--layout", "detections", "--bench", "visor:all")
    told = (*imported, "--name", "t", "--only", "0", "--images-per-prompt", 2, "--out", "run")
    outcome = spatialbench(*(VISOR if door == "score" else told))
    assert (outcome.status, outcome.out) == (2, "")
    assert repr(spelt.format("person")) in outcome.err
    assert "'person', 'bicycle'" in outcome.err
    assert not Path("run").exists()


def test_some_other_labels_are_a_line_under_the_table(spatialbench: Command) -> None:
    boxes(lambda name: "human" if name == "person" else name)
    outcome = spatialbench(*VISOR)
    assert outcome.status == 0
    assert "2 of 4 boxes (50.0 %) have a label that no prompt asks for: 'human'" in outcome.out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"scores": [90.0, 80.0]}, "has the score 90"),
        ({"scores": [-1, 0.8]}, "has the score -1"),
        ({"boxes": [[10, 0, 0, 10], [40, 0, 50, 10]]}, "ends before it begins"),
        ({"boxes": [[0, 0, 10, 10], [400, 0, 500, 10]]}, "outside the picture of 64 x 64"),
    ],
)
@pytest.mark.parametrize("door", ["score", "import"])
def test_impossible_detections(
    spatialbench: Command, change: dict[str, Any], said: str, door: str
) -> None:
    boxes(**change)
    imported = ("import", "boxes.jsonl", "--layout", "detections", "--bench", "visor:all")
    told = (*imported, "--name", "t", "--only", "0", "--images-per-prompt", 2, "--out", "run")
    outcome = spatialbench(*(VISOR if door == "score" else told))
    assert outcome.status == 2
    assert said in outcome.err
    assert "0/0" in outcome.err
    assert not Path("run").exists()


@pytest.mark.parametrize("index", [-1, -7])
@pytest.mark.parametrize("door", ["score", "import"])
def test_negative_indices(spatialbench: Command, index: int, door: str) -> None:
    boxes(index=index)
    lines = Path("boxes.jsonl").read_text().splitlines()
    Path("boxes.jsonl").write_text(lines[0] + "\n")
    imported = ("import", "boxes.jsonl", "--layout", "detections", "--bench", "visor:all")
    told = (*imported, "--name", "t", "--only", "0", "--allow-partial")
    outcome = spatialbench(*(VISOR if door == "score" else told))
    assert outcome.status == 2
    assert "index from 0 on" in outcome.err


@pytest.mark.parametrize("door", ["score", "import"])
def test_one_picture_twice(spatialbench: Command, door: str) -> None:
    boxes(index=1)
    imported = ("import", "boxes.jsonl", "--layout", "detections", "--bench", "visor:all")
    told = (*imported, "--name", "t", "--only", "0", "--allow-partial")
    outcome = spatialbench(*(VISOR if door == "score" else told))
    assert outcome.status == 2
    assert "twice" in outcome.err


def test_verdicts_of_one_picture_twice(spatialbench: Command) -> None:
    record = {"classes": ["person", "bicycle"], "sra": 1}
    Path("r.json").write_text(json.dumps({"0_0": record, "0_00": record}))
    told = ("--bench", "visor:all", "--name", "t", "--only", "0", "--allow-partial")
    outcome = spatialbench("import", "r.json", "--layout", "results", *told)
    assert outcome.status == 2
    assert "0/0 appears twice" in outcome.err


@pytest.mark.parametrize("threshold", ["-0.1", "-1e-9", "1.1", "nan"])
def test_thresholds_that_are_none(spatialbench: Command, threshold: str) -> None:
    boxes()
    outcome = spatialbench(*VISOR, f"--threshold={threshold}")
    assert outcome.status == 2
    assert "is not a number of at least 0 and at most 1" in outcome.err
    assert spatialbench(*VISOR, "--threshold=0").status == 0


# VISOR's and T2I-CompBench's results


@pytest.mark.parametrize("sra", [100, -1, 1.01, 37.5])
def test_an_sra_that_is_no_share(spatialbench: Command, sra: float) -> None:
    Path("r.json").write_text(json.dumps({"0_3": {"classes": ["person"], "sra": sra}}))
    outcome = spatialbench("score", "--bench", "visor", "--detections", "r.json")
    assert outcome.status == 2
    assert f"'0_3' has the sra {sra:g}" in outcome.err


def test_results_by_the_prompts_text(spatialbench: Command) -> None:
    record = {"classes": ["person", "bicycle"], "sra": 1}
    key = "a person to the left of a bicycle_{}"
    Path("r.json").write_text(json.dumps({key.format(k): record for k in range(4)}))
    score = ("score", "--bench", "visor", "--format", "json", "--detections", "r.json")
    document = json.loads(spatialbench(*score).out)
    assert (document["VISOR_uncond"], document["images"], document["prompts"]) == (100, 4, 1)
    Path("r.json").write_text(json.dumps({"a person near a bicycle_0": record}))
    assert "is not a prompt id and an image index" in spatialbench(*score).err


@pytest.mark.parametrize("subset", ["visor:relational", "visor"])
def test_missing_prompts_of_a_named_subset_are_partial(spatialbench: Command, subset: str) -> None:
    record = {"classes": ["person", "bicycle"], "sra": 1}
    Path("r.json").write_text(json.dumps({f"{p}_{k}": record for p in (0, 1) for k in range(4)}))
    outcome = spatialbench("score", "--bench", subset, "--detections", "r.json")
    assert outcome.status == 0
    assert ("PARTIAL" in outcome.out) is (subset == "visor:relational")
    assert ("8/101,120" in outcome.out) is (subset == "visor:relational")


@pytest.fixture
def t2i(monkeypatch: pytest.MonkeyPatch) -> Path:
    return t2i_compbench_files(monkeypatch)


def answers(count: int, answer: float = 0.5) -> None:
    rows = [{"question_id": number, "answer": answer} for number in range(count)]
    Path("vqa_result.json").write_text(json.dumps(rows))


T2I = ("score", "--bench", "t2i-compbench:2d", "--detections", "vqa_result.json")


@pytest.mark.usefixtures("t2i")
@pytest.mark.parametrize("answer", [50, -1, 1.001, -0.001])
def test_answers_that_are_no_shares(spatialbench: Command, answer: float) -> None:
    answers(10, answer)
    outcome = spatialbench(*T2I)
    assert outcome.status == 2
    assert f"entry 1 (question id 0), has the answer {answer:g}" in outcome.err


@pytest.mark.usefixtures("t2i")
@pytest.mark.parametrize("count", [1, 4])
def test_answers_of_another_number_of_images_a_prompt(spatialbench: Command, count: int) -> None:
    """300 ids are ten pictures of 30 prompts, or one of 300: only the user knows."""
    answers(300 * count)
    refused = spatialbench(*T2I)
    assert refused.status == 2
    assert f"--images-per-prompt {count} or --images-per-prompt 10" in refused.err
    document = json.loads(spatialbench(*T2I, "--images-per-prompt", count, "--format", "json").out)
    assert (document["prompts"], document["images"]) == (300, 300 * count)
    assert document["partial"] is False
    ten = json.loads(spatialbench(*T2I, "--images-per-prompt", 10, "--format", "json").out)
    assert (ten["prompts"], ten["partial"]) == (30 * count, True)


@pytest.mark.usefixtures("t2i")
@pytest.mark.parametrize("count", [1, 4, 10])
def test_names_beside_answers_say_the_number(spatialbench: Command, t2i: Path, count: int) -> None:
    answers(300 * count)
    texts = (t2i / "spatial_val.txt").read_text().splitlines()
    rows = [
        {"image": f"{text}_{line * count + k:06d}.png", "question_id": line * count + k}
        for line, text in enumerate(texts)
        for k in range(count)
    ]
    Path("mapping.json").write_text(json.dumps(rows))
    document = json.loads(spatialbench(*T2I, "--format", "json").out)
    assert (document["prompts"], document["images"]) == (300, 300 * count)


# GenEval


def results(
    change: Callable[[str, dict[str, Any], int], tuple[str, dict[str, Any], int]],
    prompts: list[dict[str, Any]],
) -> None:
    """A results file of four right pictures of each of these prompts."""
    lines = []
    for prompt in prompts:
        for index in range(4):
            folder, metadata, sample = change(prompt["id"], dict(prompt["metadata"]), index)
            lines.append(
                json.dumps(
                    {
                        "filename": f"out/{folder}/samples/{sample:05d}.png",
                        "tag": metadata["tag"],
                        "prompt": metadata["prompt"],
                        "correct": True,
                        "reason": "",
                        "metadata": json.dumps(metadata),
                        "details": "{}",
                    }
                )
            )
    Path("results.jsonl").write_text("\n".join(lines) + "\n")


@pytest.fixture
def prompts() -> list[dict[str, Any]]:
    from spatialbench.benchmarks.geneval import PLUGIN

    chosen = [PLUGIN.prompts("all")[number] for number in (3, 90, 200, 355)]
    return [{"id": p.id, "metadata": p.facts["metadata"]} for p in chosen]


IMPORT = ("import", "results.jsonl", "--layout", "results", "--bench", "geneval:all")
TOLD = ("--name", "t", "--only", "00003,00090,00200,00355", "--out", "run")

CHANGES: dict[str, Any] = {
    "plain": lambda folder, metadata, k: (folder, metadata, k),
    "unpadded": lambda folder, metadata, k: (str(int(folder)), metadata, k),
    "rewritten": lambda folder, metadata, k: (folder, metadata | {"prompt": "a long text"}, k),
    "more keys": lambda folder, metadata, k: (folder, metadata | {"seed": 7}, k),
    "other names": lambda folder, metadata, k: (f"p{folder}", metadata, k),
    "one task's own numbers": lambda folder, metadata, k: (f"1{folder}", metadata, k),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_geneval_results_go_by_what_is_judged(
    spatialbench: Command, prompts: list[dict[str, Any]], kind: str
) -> None:
    results(CHANGES[kind], prompts)
    outcome = spatialbench(*IMPORT, *TOLD)
    assert outcome.status == 0
    summary = json.loads(Path("run/summary.json").read_text())
    assert summary["images"] == 16
    said = "4 prompts were rewritten before the images were made."
    scored = spatialbench("score", "--bench", "geneval", "--detections", "results.jsonl")
    for text in (outcome.err, scored.out):
        assert (said in text) is (kind == "rewritten")
    assert (said in summary.get("notes", ())) is (kind == "rewritten")
    assert ("rewritten_prompts=4" in summary["signature"]) is (kind == "rewritten")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f, m, k: (f, m, 40 + k), "numbers its pictures 40 to 43, and 0 to 3 are expected"),
        (lambda f, m, k: (f, m, 1 + k), "numbers its pictures 1 to 4, and 0 to 3 are expected"),
        (lambda f, m, k: (f, m | {"tag": "two_object"}, k), "verdicts are of prompts that geneval"),
    ],
)
def test_geneval_results_that_do_not_fit_say_why(
    spatialbench: Command, prompts: list[dict[str, Any]], change: Any, said: str
) -> None:
    results(change, prompts)
    outcome = spatialbench(*IMPORT, *TOLD)
    assert outcome.status == 2
    assert said in outcome.err
    assert not Path("run").exists()


@pytest.mark.parametrize("marked", [False, True])
def test_geneval_results_without_some_prompts_are_partial(
    spatialbench: Command, prompts: list[dict[str, Any]], marked: bool
) -> None:
    results(CHANGES["plain"], prompts)
    path = Path("results.jsonl")
    if marked:
        path.write_text(MARK + path.read_text(), encoding="utf-8")
    outcome = spatialbench("score", "--bench", "geneval:all", "--detections", path)
    assert outcome.status == 0
    assert "PARTIAL" in outcome.out
    assert "16/2,212" in outcome.out


def cups(score: float) -> None:
    from spatialbench.benchmarks.geneval import PLUGIN

    lines = []
    for prompt in PLUGIN.prompts("counting")[:2]:
        (wanted,) = prompt.facts["metadata"]["include"]
        number = wanted["count"]
        record = {
            "prompt_id": prompt.id,
            "index": 0,
            "width": 512,
            "height": 512,
            "boxes": [[50 * k, 0, 50 * k + 40, 40] for k in range(number)],
            "scores": [score] * number,
            "labels": [wanted["class"]] * number,
        }
        lines.append(json.dumps(record) + "\n")
    Path("cups.jsonl").write_text("".join(lines))


def test_counting_by_a_detector_on_another_scale(spatialbench: Command) -> None:
    score = ("score", "--bench", "geneval:counting", "--detections", "cups.jsonl")
    cups(0.95)
    document = json.loads(spatialbench(*score, "--format", "json").out)
    assert (document["counting"], document["threshold"]) == (100, 0.9)
    assert " thr:0.9 " in document["signature"]
    cups(0.7)
    refused = spatialbench(*score)
    assert (refused.status, refused.out) == (2, "")
    assert "no box in any of 2 pictures has a score above 0.9 (the best has 0.7)" in refused.err
    document = json.loads(spatialbench(*score, "--threshold", 0.6, "--format", "json").out)
    assert (document["counting"], document["threshold"]) == (100, 0.6)
    assert " thr:0.6 " in document["signature"]


# Byte order marks and odd line ends


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("name", ["visor", "t2i"])
def test_results_in_powershells_encodings(
    spatialbench: Command, monkeypatch: pytest.MonkeyPatch, encoding: str, name: str
) -> None:
    if name == "visor":
        content = json.dumps({"0_0": {"classes": ["person", "bicycle"], "sra": 1}})
        command = ("score", "--bench", "visor", "--detections", "r.json")
    else:
        t2i_compbench_files(monkeypatch)
        content = json.dumps([{"question_id": 0, "answer": 1}])
        command = ("score", "--bench", "t2i-compbench:2d", "--detections", "r.json")
    Path("r.json").write_text(content, encoding=encoding)
    assert spatialbench(*command).status == 0


def test_detections_with_a_mark(spatialbench: Command) -> None:
    boxes()
    content = Path("boxes.jsonl").read_text()
    Path("boxes.jsonl").write_text(content, encoding="utf-8-sig")
    assert spatialbench(*VISOR).status == 0
    Path("boxes.jsonl").write_text(content, encoding="utf-16")
    outcome = spatialbench(*VISOR)
    assert outcome.status == 2
    assert "byte order mark says UTF-16: save it as UTF-8" in outcome.err


def test_counting_among_other_tasks_says_by_which_option(spatialbench: Command) -> None:
    """As in the official script, --threshold is that of the other tasks."""
    score = ("score", "--bench", "geneval:all", "--detections", "cups.jsonl")
    cups(0.7)
    lines = Path("cups.jsonl").read_text()
    other = json.loads(lines.splitlines()[0]) | {"prompt_id": "00003", "labels": ["dog"]}
    other |= {"boxes": [[0, 0, 9, 9]], "scores": [0.7]}
    Path("cups.jsonl").write_text(lines + json.dumps(other) + "\n")
    refused = spatialbench(*score, "--threshold", 0.5)
    assert refused.status == 2
    assert "above 0.9 (the best has 0.7)" in refused.err
    assert "give --rule NAME:counting_threshold=NUMBER" in refused.err
    told = ("--rule", "official:counting_threshold=0.5", "--format", "json")
    document = json.loads(spatialbench(*score, *told).out)
    assert document["counting"] == 100
    assert "+counting_threshold:0.5" in document["signature"]
