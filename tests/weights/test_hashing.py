"""A folder's hash depends on what its model files are called and hold, and on nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from spatialbench.errors import UserError
from spatialbench.weights.hashing import folder_hash
from spatialbench.weights.patterns import FilePatterns


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


MODEL = FilePatterns(allow=("*.json", "*.txt", "*.safetensors"), ignore=("*.fp16.*",))
FILES = {"config.json": b"{}", "unet/model.safetensors": b"weights", "vocab.txt": b"a b"}


def test_known_value(tmp_path: Path) -> None:
    """Pinned: another value would give every run on a local model a new identity."""
    assert folder_hash(write(tmp_path, FILES), MODEL).startswith("116e81545d629531")


def test_only_model_files_count(tmp_path: Path) -> None:
    before = folder_hash(write(tmp_path / "a", FILES), MODEL)
    extra = {"README.md": b"card", ".cache/x.json": b"{}", "preview.png": b"png"}
    extra["unet/model.fp16.safetensors"] = b"the same in half precision"
    assert folder_hash(write(tmp_path / "b", FILES | extra), MODEL) == before


@pytest.mark.parametrize(
    "files",
    [
        FILES | {"unet/model.safetensors": b"weightz"},
        FILES | {"extra.json": b"{}"},
        {"config.json": b"{}", "vae/model.safetensors": b"weights", "vocab.txt": b"a b"},
    ],
)
def test_contents_and_names_count(tmp_path: Path, files: dict[str, bytes]) -> None:
    before = folder_hash(write(tmp_path / "a", FILES), MODEL)
    assert folder_hash(write(tmp_path / "b", files), MODEL) != before


def test_a_rewritten_file_of_the_same_size_is_read_again(tmp_path: Path) -> None:
    before = folder_hash(write(tmp_path, FILES), MODEL)
    path = tmp_path / "unet" / "model.safetensors"
    path.write_bytes(b"WEIGHTS")
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 10**9))
    assert folder_hash(tmp_path, MODEL) != before


@pytest.mark.parametrize("ahead_s", [0, 1])
def test_a_file_rewritten_within_a_tick_of_the_clock_is_read_again(
    tmp_path: Path, ahead_s: int
) -> None:
    """Of the same size and the same time; a server's clock may be ahead."""
    path = write(tmp_path, FILES) / "unet" / "model.safetensors"
    found = set()
    now = time.time_ns() + ahead_s * 10**9
    for content in (b"WEIGHTS", b"weights"):
        path.write_bytes(content)
        os.utime(path, ns=(now, now))
        found.add(folder_hash(tmp_path, MODEL))
    assert len(found) == 2


def test_unchanged_files_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib

    folder = write(tmp_path, FILES)
    for name in FILES:
        os.utime(folder / name, ns=(0, 0))
    folder_hash(folder, MODEL)
    monkeypatch.setattr(hashlib, "file_digest", None)
    folder_hash(tmp_path, MODEL)


def test_a_linked_file_counts_by_its_content(tmp_path: Path) -> None:
    """The Hub's cache holds links."""
    before = folder_hash(write(tmp_path / "a", FILES), MODEL)
    copy = write(tmp_path / "b", FILES)
    (copy / "config.json").rename(tmp_path / "blob")
    (copy / "config.json").symlink_to(tmp_path / "blob")
    assert folder_hash(copy, MODEL) == before


def test_nothing_to_hash(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UserError, match="holds no model files"):
            folder_hash(folder, MODEL)
