"""The store: what counts as finished, and that nothing leaves the run directory."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from spatialbench.errors import UserError
from spatialbench.runs import record_lines
from spatialbench.runs.expected import name_some
from spatialbench.runs.image_files import ImageRecord
from spatialbench.runs.image_store import image_record
from spatialbench.runs.store import RunDirectory

KEYS = [("7", 0), ("7", 1), ("12", 0)]


def filled(path: Path) -> RunDirectory:
    directory = RunDirectory(path)
    with directory.image_journal.writer() as writer:
        writer.append(directory.write_image(key, f"image {key}".encode(), 42) for key in KEYS)
    return directory


def never(text: str) -> None:
    raise AssertionError(text)


def test_finished_is_record_and_file(tmp_path: Path) -> None:
    directory = filled(tmp_path)
    assert set(directory.finished_images(never)) == set(KEYS)
    directory.write_image(("9", 0), b"no record", 42)
    assert set(directory.finished_images(never)) == set(KEYS)


@pytest.mark.parametrize("damage", ["gone", "truncated", "longer", "link", "folder gone"])
def test_a_damaged_file_is_not_finished_and_is_said(tmp_path: Path, damage: str) -> None:
    directory = filled(tmp_path)
    path = directory.image_path("12", 0)
    content = path.read_bytes()
    if damage == "truncated":
        path.write_bytes(content[:-1])
    elif damage == "longer":
        path.write_bytes(content + b"x")
    else:
        path.unlink()
    if damage == "link":
        (tmp_path / "elsewhere").write_bytes(content)
        path.symlink_to(tmp_path / "elsewhere")
    if damage == "folder gone":
        path.parent.rmdir()
    notices: list[str] = []
    assert set(directory.finished_images(notices.append)) == set(KEYS[:2])
    assert notices == ["1 finished image(s) are gone or truncated and count as missing: 12/0."]


def test_a_discarded_image_is_not_finished(tmp_path: Path) -> None:
    directory = filled(tmp_path)
    directory.discard([KEYS[0], ("7", 5)])
    assert set(directory.finished_images(lambda text: None)) == set(KEYS[1:])


@pytest.mark.parametrize(
    "prompt_id", ["", ".", "..", "../x", "/etc", "a/b", "a\\b", "a\0", "-rf", "a" * 200, ".git"]
)
def test_no_prompt_id_leads_out_of_the_run(tmp_path: Path, prompt_id: str) -> None:
    with pytest.raises(UserError, match="cannot be a folder name"):
        RunDirectory(tmp_path).image_path(prompt_id, 0)


@pytest.mark.parametrize("linked", ["images", "images/7"])
def test_no_link_leads_out_of_the_run(tmp_path: Path, linked: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    run = tmp_path / "run"
    (run / linked).parent.mkdir(parents=True)
    (run / linked).symlink_to(outside)
    with pytest.raises(UserError, match="symbolic link"):
        RunDirectory(run).write_image(("7", 0), b"image", 42)
    assert os.listdir(outside) == []


def test_a_record_without_size_is_named(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    directory.image_journal.path.write_text('{"prompt_id": "7", "index": 0}\n')
    with pytest.raises(UserError, match="record of image 7/0 has no size and hash"):
        directory.finished_images(never)


def test_name_some() -> None:
    assert name_some([("b", 1), ("a", 0)]) == "a/0, b/1"
    assert name_some([("a", index) for index in range(8)]).endswith("a/4 and 3 more")


def test_lines_as_they_are_written_are_not_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full run has some 200,000: the fields are found in many lines at once."""
    directory = filled(tmp_path)
    hashes = {key: found.sha256 for key, found in directory.recorded(never).items()}
    with directory.image_journal.writer() as writer:
        of_one_colour = image_record(("12", 1), b"grey", None) | {"one_colour": True}
        writer.append([of_one_colour])
    with directory.detection_journal("finder@1").writer() as writer:
        for place, (prompt_id, index) in enumerate(KEYS):
            named = {"image_sha256": hashes[prompt_id, index]} if place else {}
            writer.append([{"prompt_id": prompt_id, "index": index, **named, "labels": ["}\n{"]}])

    def parsed(line: bytes) -> object:
        raise AssertionError(line)

    monkeypatch.setattr(record_lines, "read_record", parsed)
    recorded = directory.recorded(never)
    assert [*recorded] == [*KEYS, ("12", 1)]
    content = b"image ('7', 1)"
    told = ImageRecord(len(content), hashlib.sha256(content).hexdigest(), 42)
    assert recorded["7", 1] == told
    assert recorded["12", 1].seed is None
    assert directory.seen_images("finder@1", never, recorded=recorded) == set(KEYS)
