"""Official results from elsewhere that gave a wrong number, a shifted one, or a wrong reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.reference_data import t2i_compbench_files

from .conftest import Command

MARK = "\ufeff"


@pytest.mark.parametrize("sra", [100, -1, 1.01, 37.5])
def test_an_sra_that_is_no_share(spatialbench: Command, sra: float) -> None:
    Path("r.json").write_text(json.dumps({"0_3": {"classes": ["person"], "sra": sra}}))
    outcome = spatialbench("score", "--bench", "visor", "--detections", "r.json")
    assert outcome.status == 2
    assert f"'0_3' has the sra {sra:g}" in outcome.err


@pytest.mark.parametrize("spelt", ["a photo of a {}", "the {}", "{}s", "{}."])
def test_results_whose_classes_are_no_names(spatialbench: Command, spelt: str) -> None:
    record = {"classes": [spelt.format("person"), spelt.format("bicycle")], "sra": 1}
    Path("r.json").write_text(json.dumps({"0_0": record}))
    told = ("--bench", "visor", "--detections", "r.json")
    outcome = spatialbench("score", *told)
    assert outcome.status == 2
    assert f"{spelt.format('person')!r} is 'person'" in outcome.err
    # Nothing found is an answer, and so is another object.
    Path("r.json").write_text(json.dumps({"0_0": {"classes": [], "sra": 0}}))
    assert spatialbench("score", *told).status == 0
    Path("r.json").write_text(json.dumps({"0_0": {"classes": ["dog"], "sra": 0}}))
    assert spatialbench("score", *told).status == 0


def test_results_with_a_key_twice(spatialbench: Command) -> None:
    record = json.dumps({"classes": ["person", "bicycle"], "sra": 1, "said": '"sra": 0'})
    Path("r.json").write_text(f'{{"0_0": {record}, "0_1": {record}}}')
    assert spatialbench("score", "--bench", "visor", "--detections", "r.json").status == 0
    Path("r.json").write_text(f'{{"0_0": {record}, "0_0": {record}}}')
    outcome = spatialbench("score", "--bench", "visor", "--detections", "r.json")
    assert outcome.status == 2
    assert "holds a key twice" in outcome.err


def test_results_by_the_prompts_text(spatialbench: Command) -> None:
    record = {"classes": ["person", "bicycle"], "sra": 1}
    key = "a person to the left of a bicycle_{}"
    Path("r.json").write_text(json.dumps({key.format(k): record for k in range(4)}))
    score = ("score", "--bench", "visor", "--format", "json", "--detections", "r.json")
    document = json.loads(spatialbench(*score).out)
    assert (document["metrics"]["VISOR_uncond"], document["images"], document["prompts"]) == (
        100,
        4,
        1,
    )
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
    """300 ids are ten images of 30 prompts, or one of 300: only the user knows."""
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
@pytest.mark.parametrize("missing", [[1199], [7], [0, 500, 1198, 1199]])
def test_some_answers_of_another_number_of_images_a_prompt(
    spatialbench: Command, missing: list[int]
) -> None:
    rows = [{"question_id": id_, "answer": 0.5} for id_ in range(1200) if id_ not in missing]
    Path("vqa_result.json").write_text(json.dumps(rows))
    refused = spatialbench(*T2I)
    assert refused.status == 2
    assert "--images-per-prompt 4 or --images-per-prompt 10" in refused.err
    document = json.loads(spatialbench(*T2I, "--images-per-prompt", 4, "--format", "json").out)
    assert document["partial"] is True


@pytest.mark.usefixtures("t2i")
def test_names_beside_answers_with_other_ids(spatialbench: Command, t2i: Path) -> None:
    """Shifted by a prompt, each answer would go to the next one."""
    answers(3000)
    texts = (t2i / "spatial_val.txt").read_text().splitlines()
    rows = [
        {"image": f"{texts[number // 10]}_{number:06d}.png", "question_id": (number + 10) % 3000}
        for number in range(3000)
    ]
    Path("mapping.json").write_text(json.dumps(rows))
    outcome = spatialbench(*T2I)
    assert outcome.status == 2
    assert "gives the question id 10 to" in outcome.err


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
    """A results file of four right images of each of these prompts."""
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
    noted = [note for note in summary.get("notes", ()) if "4 of 4 prompts rewritten" in note]
    assert bool(noted) is (kind == "rewritten")
    assert ("prompt_transform=file/" in summary["signature"]) is (kind == "rewritten")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f, m, k: (f, m, 40 + k), "numbers its images 40 to 43, and 0 to 3 are expected"),
        (lambda f, m, k: (f, m, 1 + k), "numbers its images 1 to 4, and 0 to 3 are expected"),
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


def test_verdicts_of_one_image_twice(spatialbench: Command) -> None:
    record = {"classes": ["person", "bicycle"], "sra": 1}
    Path("r.json").write_text(json.dumps({"0_0": record, "0_00": record}))
    told = ("--bench", "visor:all", "--name", "t", "--only", "0", "--allow-partial")
    outcome = spatialbench("import", "r.json", "--layout", "results", *told)
    assert outcome.status == 2
    assert "0/0 appears twice" in outcome.err


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
