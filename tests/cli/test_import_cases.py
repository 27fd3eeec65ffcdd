"""Folders that official scripts and others' tools wrote go in as they are."""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from spatialbench.benchmarks.geneval import PLUGIN as GENEVAL
from tests.exchange.folders import image_bytes, put
from tests.reference_data import t2i_compbench_files

from .conftest import Command
from .import_cases import Case, check, folders

Files = dict[str, bytes | str]


@pytest.mark.parametrize("folder", folders() or [None], ids=lambda path: path and path.name)
def test_folders_as_they_are(
    spatialbench: Command, folder: Path | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if folder is None:
        pytest.skip("neither SPATIALBENCH_DATA nor SPATIALBENCH_IMPORTS names folders to import")
    case = Case(folder)
    if case.bench.startswith("t2i-compbench"):
        t2i_compbench_files(monkeypatch)
    check(case, spatialbench)


def case_of(
    folder: Path, files: Mapping[str, bytes | str], *, images: int, matched: int, **told: Any
) -> Case:
    put(folder / "pictures", files)
    expected = {
        "layout": "geneval",
        "benchmark": "geneval:all",
        "expected_pictures": images,
        "matched": matched,
        "clean": matched == images,
        **told,
    }
    (folder / "expected.json").write_text(json.dumps(expected))
    return Case(folder)


def metadata(prompt_id: str, **other: Any) -> dict[str, Any]:
    prompt = next(p for p in GENEVAL.prompts("all") if p.id == prompt_id)
    return {**prompt.facts["metadata"], **other}


def samples(ids: Sequence[str], digits: int = 5, **other: Any) -> Files:
    """Four images of each prompt as the official script leaves them."""
    files: Files = {}
    for place, prompt_id in enumerate(ids):
        record = {key: f"{text} {prompt_id}" for key, text in other.items()}
        files[f"{prompt_id}/metadata.jsonl"] = json.dumps(metadata(prompt_id, **record))
        for k in range(4):
            name = f"{prompt_id}/samples/{k:0{digits}d}.png"
            files[name] = image_bytes(4 * place + k)
    return files


def test_keys_of_a_fork_in_another_order_and_what_lies_beside(
    spatialbench: Command, tmp_path: Path
) -> None:
    ids = ["00000", "00200", "00353", "00552"]
    files = samples(ids)
    for prompt_id in ids:
        # As a fork that writes longer captions beside the official text has it.
        record = metadata(prompt_id)
        turned = {key: record[key] for key in sorted(record, reverse=True)}
        told = {"index": prompt_id, "detailed_caption": "a long caption", **turned}
        files[f"{prompt_id}/metadata.jsonl"] = json.dumps(told)
        files[f"{prompt_id}/grid.png"] = image_bytes(1)
    beside: Files = {
        "00000/samples/00000.jpg": image_bytes(2, "JPEG"),
        "00200/samples/00007.jpg": image_bytes(3, "JPEG"),
        "00353/samples/first.webp": image_bytes(4, "WEBP"),
        "00353/preview.jpg": image_bytes(5, "JPEG"),
        "overview.png": image_bytes(6),
    }
    left: Files = {
        "results.jsonl": "{}",
        ".DS_Store": b"\0",
        "00552/Thumbs.db": b"\0",
        "__MACOSX/00000/samples/._00000.png": b"\0",
    }
    sheets = [f"{prompt_id}/grid.png" for prompt_id in ids]
    passed = [*beside, *left, *sheets]
    case = case_of(
        tmp_path / "case",
        {**files, **beside, **left},
        images=16,
        matched=16,
        only=ids,
        images_per_prompt=4,
        passed_over=passed,
        prompts="plain",
    )
    check(case, spatialbench)
    _, report = case.dry_run(spatialbench)
    assert report["passed_over"][".DS_Store"] == "what macOS leaves in a folder"
    assert report["hidden"] == 2


def test_damaged_doubled_and_unreadable_folders(spatialbench: Command, tmp_path: Path) -> None:
    files = samples(["00001", "00090"], digits=4)
    files["00090/samples/0001.png"] = image_bytes(1)[:60]
    files["00090/samples/0003.png"] = b""
    twice = samples(["00002"])
    files |= {name.replace("00002/", "00002_again/"): image for name, image in twice.items()}
    files |= twice
    files |= samples(["00003"])
    files["00003/metadata.jsonl"] = '{"tag": "single_object", '
    case = case_of(
        tmp_path / "case",
        files,
        images=16,
        matched=6,
        only=["00001", "00002", "00003", "00090"],
        images_per_prompt=4,
        problems=["00003", "00002", "00002_again", "00090/samples/0001.png", "0003.png"],
        passed_over=[],
    )
    check(case, spatialbench)
    _, report = case.dry_run(spatialbench)
    assert set(report["problems"]) >= {"00003", "00090/samples/0001.png", "00090/samples/0003.png"}
    assert "the same image as 00002/samples/00000.png" in json.dumps(report["duplicate"])


def results(ids: Sequence[str], text: str) -> str:
    lines = []
    for prompt_id in ids:
        record = metadata(prompt_id, prompt=f"{text} {prompt_id}")
        for k in range(4):
            line = {
                "filename": f"/data/out/{prompt_id}/samples/{k:05d}.png",
                "tag": record["tag"],
                "prompt": record["prompt"],
                "correct": k % 2 == 0,
                "reason": "" if k % 2 == 0 else "expected bench>=1, found 0",
                "metadata": json.dumps(record),
                "details": "{}",
            }
            lines.append(json.dumps(line).replace("/", "\\/"))
    return "".join(f"{line}\n" for line in sorted(lines, key=lambda line: line[::-1]))


def test_official_results_of_a_rewritten_run(spatialbench: Command, tmp_path: Path) -> None:
    ids = ["00000", "00090", "00200", "00300", "00400"]
    case = case_of(
        tmp_path / "case",
        {"results.jsonl": results(ids, "a calm scene, no.")},
        images=20,
        matched=20,
        layout="official results.jsonl of the scorer",
        only=ids,
        images_per_prompt=4,
        prompts="rewritten",
        given_prompts={prompt_id: f"a calm scene, no. {prompt_id}" for prompt_id in ids},
    )
    check(case, spatialbench)
    arguments = ("--bench", "geneval:all", "--name", "theirs", "--only", ",".join(ids))
    outcome = spatialbench("import", case.path, *arguments, "--out", "run")
    assert outcome.status == 0, outcome.err
    assert "layout: results" in outcome.err
    refused = spatialbench("import", case.path, *arguments, "--layout", "geneval")
    assert refused.status == 2
    assert "give --layout results, or leave --layout out" in refused.err
    assert spatialbench("import", case.path, *arguments, "--layout", "results").status == 0
    board = json.loads(spatialbench("leaderboard", "run", "--format", "json").out)
    assert "file/" in json.dumps(board)


def test_ids_and_indices_of_a_table_of_own_prompts(spatialbench: Command, tmp_path: Path) -> None:
    """An id is a name: ``03`` is another one than ``3``, and the report says what is near."""
    rows = [["index", "prompt_en", "sub_dims_en"]]
    rows += [[str(n), f"own sentence, number {n}", "{}"] for n in range(4)]
    table = io.StringIO()
    csv.writer(table).writerows(rows)
    files: Files = {f"{n}_{k}.png": image_bytes(4 * n + k) for n in range(4) for k in range(4)}
    files["03_2.png"] = files.pop("3_2.png")
    files |= {"0-1.png": image_bytes(30), "7_0.png": image_bytes(31), "note.txt": "x"}
    case = case_of(
        tmp_path / "case",
        files,
        images=16,
        matched=15,
        layout="<id>_<k>.png",
        benchmark="an own table of four prompts",
        prompts_file="prompts.csv",
        images_per_prompt=4,
        problems=["03_2.png", "0-1.png", "7_0.png"],
        missing=["3/2"],
    )
    (case.folder / "prompts.csv").write_text(table.getvalue())
    check(case, spatialbench)
    _, report = case.dry_run(spatialbench)
    assert report["layout"] == "id"
    assert report["misnamed"]["03_2.png"] == "the benchmark has no prompt 03: did you mean 3?"


# The option that would make it fit


def typed_again(command: Command, told: Sequence[object]) -> tuple[str, dict[str, Any]]:
    """Type an import as the report of the first try says; the words added, and the new report."""
    first = command(*told, "--dry-run", "--format", "json")
    report = json.loads(first.out)
    assert first.status == 2
    would_fit = report["would_fit"]
    assert would_fit in first.err
    words = shlex.split(would_fit.removeprefix("add "))
    again = command(*told, *words, "--dry-run", "--format", "json")
    assert again.status == 0, again.err
    return would_fit, json.loads(again.out)


@pytest.mark.parametrize(
    ("ids", "count", "typed", "added"),
    [
        (["00000", "00353"], 4, ("--bench", "geneval:all"), "--only 00000,00353"),
        (["00353"], 4, ("--bench", "geneval"), "--only 00353"),
        (["00000"], 4, ("--bench", "geneval"), "--bench geneval:all --only 00000"),
        (["00353"], 2, ("--bench", "geneval", "--only", "00353"), "--images-per-prompt 2"),
        (["00353"], 4, ("--bench", "geneval", "--only", "00353", "--layout", "id"), "geneval"),
    ],
)
def test_the_options_that_would_fit_are_named_and_do(
    spatialbench: Command,
    tmp_path: Path,
    ids: list[str],
    count: int,
    typed: tuple[str, ...],
    added: str,
) -> None:
    kept = {
        name: content
        for name, content in samples(ids).items()
        if not name.endswith(tuple(f"{k:05d}.png" for k in range(count, 4)))
    }
    put(tmp_path / "theirs", kept)
    would_fit, report = typed_again(
        spatialbench, ["import", tmp_path / "theirs", *typed, "--name", "theirs"]
    )
    assert would_fit.startswith("add ")
    assert added in would_fit
    assert report["matched"] == count * len(ids)


def test_where_nothing_would_fit_nothing_is_named(spatialbench: Command, tmp_path: Path) -> None:
    files = samples(["00000"])
    del files["00000/samples/00002.png"]
    put(tmp_path / "theirs", files)
    told = ("import", tmp_path / "theirs", "--bench", "geneval:all", "--name", "theirs")
    outcome = spatialbench(*told, "--only", "00000", "--dry-run", "--format", "json")
    assert outcome.status == 2
    assert json.loads(outcome.out)["would_fit"] is None
    assert "correct what the report lists" in outcome.err
