"""What changes the last bits is recorded where a run begins, kept where it goes on, or printed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from spatialbench.executors.local import LocalExecutor
from spatialbench.runs.machine import Machine, this_machine
from spatialbench.runs.manifest import read_manifest
from spatialbench.runs.opening import Run, RunSpec
from spatialbench.runs.selection import Selection
from spatialbench.stages import surroundings
from spatialbench.stages.detect import detect
from spatialbench.stages.generate import generate
from tests.opened_runs import open_run
from tests.stages.fakes import Finder, Log, Painter, Shapes

THREADS_HERE = 1


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    own = torch.get_num_threads()
    torch.set_num_threads(THREADS_HERE)
    yield
    torch.set_num_threads(own)


class Counting(Painter):
    """Remembers how many threads torch had when it painted."""

    threads: list[int] = []  # noqa: RUF012

    def generate(self, requests: Any) -> Any:
        self.threads.append(torch.get_num_threads())
        return super().generate(requests)


def opened(folder: Path, limit: int, device: str = "cpu", batch_size: int = 4) -> Run:
    spec = RunSpec(Shapes(), "all", Painter())
    return open_run(spec, Selection(limit), this_machine(device, "float32", batch_size), folder)


def go_on(run: Run) -> list[str]:
    """Make what is missing; what is said of the machine."""
    said: list[str] = []
    generate(run, Counting(), 4, LocalExecutor(said.append), Log())
    return said


def begin(folder: Path, device: str = "cpu", **began: Any) -> None:
    """A run of two prompts, and what its manifest says of the machine afterwards."""
    assert go_on(opened(folder, 2, device)) == []
    path = folder / "manifest.json"
    document = json.loads(path.read_text())
    document["machines"][0] |= began
    path.write_text(json.dumps(document))
    Counting.threads.clear()


def test_the_machine_is_recorded_once_a_model_is_loaded(tmp_path: Path) -> None:
    run = opened(tmp_path, 2)
    (bare,) = run.manifest.machines
    assert (bare.threads, bare.instruction_set, bare.processor) == (None, None, None)
    assert go_on(run) == []
    (machine,) = read_manifest(tmp_path).machines
    assert machine.threads == THREADS_HERE
    assert machine.instruction_set == torch.backends.cpu.get_cpu_capability()
    assert machine.processor
    # The same machine again adds nothing, before or after the images are made.
    before = (tmp_path / "manifest.json").read_bytes()
    assert go_on(opened(tmp_path, 2)) == []
    assert (tmp_path / "manifest.json").read_bytes() == before


def test_the_threads_a_run_began_with_are_kept_and_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surroundings, "_processors", lambda: 3)
    begin(tmp_path, threads=3)
    (sentence,) = go_on(opened(tmp_path, 4))
    assert sentence.startswith("this run began with 3 thread(s) and goes on with as many, not with")
    assert set(Counting.threads) == {3}
    assert torch.get_num_threads() == THREADS_HERE
    assert [machine.threads for machine in read_manifest(tmp_path).machines] == [3]


@pytest.mark.parametrize(
    ("began", "told"),
    [
        ({"threads": 4}, "by rounding, about one level in a few percent of the pixels (threads 4"),
        ({"instruction_set": "AVX9"}, "(instruction set AVX9 -> "),
        ({"processor": "Abacus"}, "(processor Abacus -> "),
        ({"batch_size": 16}, "(batch size 16 -> 4)"),
        ({"switches": {"MKL_CBWR": "AVX"}}, "MKL_CBWR AVX -> unset"),
        ({"device": "cuda:0", "processor": "NVIDIA H200"}, "(device cuda -> cpu; processor NVIDIA"),
        ({"packages": {"torch": "1.0"}}, "other versions of libraries (torch 1.0 -> "),
        ({"threads": None}, "(threads and instruction set not recorded)"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_be_kept_is_printed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, began: dict[str, Any], told: str
) -> None:
    monkeypatch.setattr(surroundings, "_processors", lambda: 3)
    monkeypatch.delenv("MKL_CBWR", raising=False)
    begin(tmp_path, **began)
    (sentence,) = go_on(opened(tmp_path, 4))
    assert sentence.startswith("images made from here on can differ from those of an uninterrupted")
    assert told in sentence
    assert set(Counting.threads) == {THREADS_HERE}


def test_nothing_is_printed_where_nothing_is_made(tmp_path: Path) -> None:
    begin(tmp_path, instruction_set="AVX9")
    assert go_on(opened(tmp_path, 2)) == []


def test_detections_of_another_machine_begin_anew_and_go_on_with_a_word(tmp_path: Path) -> None:
    begin(tmp_path, instruction_set="AVX9")
    said: list[str] = []

    def look(limit: int) -> list[str]:
        said.clear()
        run = opened(tmp_path, limit)
        detect(
            replace(run, machine=this_machine("cpu", batch_size=4)), Finder(), 4, executor, Log()
        )
        return said

    executor = LocalExecutor(said.append)
    assert look(2) == []
    go_on(opened(tmp_path, 4))
    (sentence,) = look(4)
    assert sentence.startswith("detections made from here on can differ")
    assert (
        "by rounding, in the last digits of boxes and scores (instruction set AVX9 -> " in sentence
    )


def test_manifests_of_version_0_1_are_read() -> None:
    old = Machine(
        created="2026-01-01T00:00:00+00:00", platform="Linux", packages={"torch": "2.6.0"}
    )
    assert old.threads is None
    assert Machine.model_validate_json(old.model_dump_json(exclude_unset=True)) == old
