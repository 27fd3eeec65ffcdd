"""A whole run is counted by columns, and anything else image by image: with the same answer."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spatialbench.errors import UserError
from spatialbench.executors.local import LocalExecutor
from spatialbench.runs import image_files
from spatialbench.runs.counting import Counts
from spatialbench.runs.opening import Run
from spatialbench.runs.selection import Selection
from spatialbench.runs.status import Status, status
from spatialbench.runs.store import RunDirectory
from spatialbench.stages.detect import detect
from spatialbench.stages.generate import generate
from tests.stages.fakes import Finder, Log, Painter, open_shapes

IMAGES = "images.jsonl"
BOXES = "detections/finder@w1/detections.jsonl"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A whole run of 24 images, that counts as one of so many that not all bytes are read."""
    monkeypatch.setattr(image_files, "ALWAYS_FILES", 0)
    run = open_shapes(tmp_path)
    generate(run, Painter(), 4, LocalExecutor(), Log())
    detect(run, Finder(), 4, LocalExecutor(), Log())
    return run


def one_by_one(run: Run, monkeypatch: pytest.MonkeyPatch) -> Status | str:
    """The state of a run, every image looked at by itself."""
    with monkeypatch.context() as patched:
        patched.setattr(Counts, "_hashes", None)
        return told(run)


def told(run: Run) -> Status | str:
    """The state, or the sentence that refuses it."""
    try:
        return status(run)
    except UserError as error:
        return str(error)


def test_no_image_of_a_whole_run_is_looked_at_by_itself(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = one_by_one(run, monkeypatch)

    def recorded(*_: object) -> Any:
        raise AssertionError("a dictionary of all images")

    with monkeypatch.context() as patched:
        patched.setattr(RunDirectory, "recorded", recorded)
        state = status(run)
    assert state == expected
    assert (state.images, state.detections, state.notices) == (24, {"finder@w1": 24}, [])


def test_records_of_the_first_version_name_no_hash(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = run.path / BOXES
    records = [json.loads(line) for line in path.read_text().splitlines()]
    for record in records:
        del record["image_sha256"]
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    monkeypatch.setattr(RunDirectory, "recorded", None)
    assert status(run).detections == {"finder@w1": 24}


def lines(name: str, change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Run], None]:
    """Rewrites the records of a file, whose time stays what it was."""

    def rewrite(run: Run) -> None:
        path = run.path / name
        before = path.stat()
        path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    return rewrite


def replaced(place: int, old: bytes, new: bytes) -> Callable[[list[bytes]], list[bytes]]:
    def change(records: list[bytes]) -> list[bytes]:
        assert old in records[place]
        return [*records[:place], records[place].replace(old, new), *records[place + 1 :]]

    return change


def other_hash(records: list[bytes]) -> list[bytes]:
    record = json.loads(records[3])
    named = "image_sha256" if "image_sha256" in record else "sha256"
    return replaced(3, record[named].encode(), b"0" * 64)(records)


def no_hash(records: list[bytes]) -> list[bytes]:
    record = json.loads(records[3])
    del record["image_sha256"]
    return [*records[:3], json.dumps(record).encode() + b"\n", *records[4:]]


RECORDS: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "torn": lambda records: [*records[:-1], records[-1][:-9]],
    "cut at a line": lambda records: records[:-1],
    "empty": lambda records: [],
    "not a record": lambda records: [*records[:2], b"{}\n", *records[2:]],
    "not JSON": lambda records: [*records[:2], b'{"prompt_id": "0", }\n', *records[2:]],
    "no end": lambda records: [*records[:2], records[2][:-2] + b"\n", *records[3:]],
    "a blank line": lambda records: [*records, b"\n"],
    "twice": lambda records: [*records, records[5]],
    "another twice, one lost": lambda records: [*records[:-1], records[0]],
    "another order": lambda records: [records[1], records[0], *records[2:]],
    "of another prompt": replaced(4, b'"prompt_id": "', b'"prompt_id": "x'),
    "one more": lambda records: [*records, replaced(0, b'"index": ', b'"index": 7')(records)[0]],
    "written otherwise": replaced(4, b'"prompt_id": ', b'"prompt_id":  '),
    "an index with a zero before it": replaced(4, b'"index": ', b'"index": 0'),
    "another hash": other_hash,
}
OF_IMAGES: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "another size": replaced(6, b'"bytes": ', b'"bytes": 1'),
    "no size": replaced(6, b'"bytes": ', b'"bites": '),
    "no seed": replaced(6, b'"seed": 4', b'"seed": null, "was": 4'),
}


def changed_image(run: Run) -> None:
    path = run.directory.image_path("3", 0)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    # The clock of a file system may stand still for longer than the run took.
    journal = run.path / IMAGES
    os.utime(journal, ns=(0, path.stat().st_ctime_ns - 1))


def linked_folder(run: Run) -> None:
    folder = run.directory.image_path("3", 0).parent
    folder.rename(run.path / "elsewhere")
    folder.symlink_to(run.path / "elsewhere")


def second_journal(run: Run) -> None:
    path = run.path / IMAGES
    first, *rest = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(rest))
    path.with_name("images.01234567890123456789-1-0123abcd.jsonl").write_bytes(first)


def linked_records(run: Run) -> None:
    (run.path / IMAGES).rename(run.path / "other")
    (run.path / IMAGES).symlink_to("other")


DAMAGE: dict[str, Callable[[Run], object]] = {
    **{
        f"{how}, {name}": lines(name, change)
        for how, change in RECORDS.items()
        for name in (IMAGES, BOXES)
    },
    **{f"{how}, {IMAGES}": lines(IMAGES, change) for how, change in OF_IMAGES.items()},
    f"one without a hash, {BOXES}": lines(BOXES, no_hash),
    "an image is gone": lambda run: run.directory.image_path("3", 0).unlink(),
    "an image is longer": lambda run: run.directory.image_path("3", 0).write_bytes(b"x" * 9999),
    "an image is changed": changed_image,
    "a folder is a link": linked_folder,
    "a folder is gone": lambda run: (run.path / "images").rename(run.path / "there"),
    "a writer's file": second_journal,
    "a link to records": linked_records,
}


HARMLESS = (
    *("no seed", "one without a hash", "a writer's file", "another order", "written otherwise"),
    *("an index with a zero", "twice", f"one more, {BOXES}"),
)
"""What changes nothing in the state."""


@pytest.mark.parametrize("how", DAMAGE)
def test_damage_is_told_as_one_by_one(run: Run, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    sound = status(run)
    DAMAGE[how](run)
    found = told(run)
    assert found == one_by_one(run, monkeypatch)
    assert (found == sound) == how.startswith(HARMLESS), found


def test_a_part_of_a_run_is_counted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    part = open_shapes(run.path, selection=Selection(limit=3))
    assert status(part) == one_by_one(part, monkeypatch)
    assert status(part).images == part.expected.images < 24
