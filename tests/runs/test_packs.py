"""Packs: tar files that anybody can open, an index that is only a shorter way, many writers."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from spatialbench.errors import UserError
from spatialbench.prompts import Key
from spatialbench.runs import image_files, pack_writer
from spatialbench.runs.pack_writer import PackWriter
from spatialbench.runs.packs import Packs
from spatialbench.runs.store import RunDirectory

IMAGES: Mapping[Key, bytes] = {
    (prompt, index): f"image {prompt}/{index} ".encode() * (40 * int(prompt) + 13 * index + 1)
    for prompt in ("7", "12", "5")
    for index in range(3)
}


def never(text: str) -> None:
    raise AssertionError(text)


def made(folder: Path, images: Mapping[Key, bytes] = IMAGES) -> RunDirectory:
    """A run with these images in one pack, and their records."""
    directory = RunDirectory(folder, packing=True)
    folder.mkdir(exist_ok=True)
    with directory.image_writer() as files, directory.image_journal.writer() as journal:
        journal.append(files.write(key, content, 42) for key, content in images.items())
    return directory


def one_pack(directory: RunDirectory) -> tuple[Path, Path]:
    (pack,) = directory.path.glob("packs/*.tar")
    return pack, pack.with_suffix(".index.jsonl")


def read_all(directory: RunDirectory) -> dict[Key, bytes]:
    """As a process does that knows nothing yet."""
    packs = Packs(directory.path)
    return {key: packs.read(key) for key in packs.found(lambda text: None)}


def wait_for_a_tick(folder: Path) -> None:
    """Until what is written bears a later time: the clock of a file system stands still a while."""
    begun, now = folder / "begun", folder / "now"
    begun.touch()
    while not now.exists() or now.stat().st_mtime_ns == begun.stat().st_mtime_ns:
        now.touch()


def test_a_pack_is_a_tar_file_at_every_moment(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path, packing=True)
    with directory.image_writer() as files:
        for count, (key, content) in enumerate(IMAGES.items(), 1):
            files.write(key, content, 42)
            with tarfile.open(one_pack(directory)[0]) as tar:
                assert len(tar.getnames()) == count
            assert one_pack(directory)[0].read_bytes().endswith(bytes(1024))
    shutil.unpack_archive(one_pack(directory)[0], tmp_path / "out", filter="data")
    for key, content in IMAGES.items():
        assert (tmp_path / "out" / "images" / key[0] / f"{key[1]}.png").read_bytes() == content


def test_they_are_read_as_if_they_were_files(tmp_path: Path) -> None:
    packed = made(tmp_path / "packed")
    plain = RunDirectory(tmp_path / "plain")
    plain.path.mkdir()
    with plain.image_writer() as files, plain.image_journal.writer() as journal:
        journal.append(files.write(key, content, 42) for key, content in IMAGES.items())
    assert packed.finished_images(never) == plain.finished_images(never)
    assert packed.recorded(never) == plain.recorded(never)
    for key, content in IMAGES.items():
        assert packed.read_image(key) == plain.read_image(key) == content
        assert (packed.is_packed(key), plain.is_packed(key)) == (True, False)
    with pytest.raises(FileNotFoundError):
        packed.read_image(("7", 9))
    target = tmp_path / "placed.png"
    packed.place_image(("7", 1), target)
    assert target.read_bytes() == IMAGES["7", 1]


def test_a_run_goes_on_the_other_way(tmp_path: Path) -> None:
    directory = made(tmp_path / "run")
    other = RunDirectory(directory.path)
    with other.image_writer() as files:
        files.write(("7", 0), b"made again, into a file", 1)
    assert directory.read_image(("7", 0)) == b"made again, into a file"
    with directory.image_writer() as files:
        files.write(("7", 0), b"and again, into a pack", 1)
    assert directory.read_image(("7", 0)) == b"and again, into a pack"
    assert directory.is_packed(("7", 0))
    assert read_all(directory) == {**IMAGES, ("7", 0): b"and again, into a pack"}


def test_an_image_that_is_discarded_is_missing_until_it_is_made_again(tmp_path: Path) -> None:
    directory = made(tmp_path / "run")
    directory.discard([("7", 0), ("nowhere", 5)])
    told: list[str] = []
    assert set(directory.finished_images(told.append)) == set(IMAGES) - {("7", 0)}
    assert told == ["1 finished image(s) are gone or truncated and count as missing: 7/0."]
    with pytest.raises(FileNotFoundError):
        directory.read_image(("7", 0))
    with directory.image_writer() as files:
        files.write(("7", 0), IMAGES["7", 0], 42)
    assert set(directory.finished_images(never)) == set(IMAGES)


@pytest.mark.parametrize("hides", ["a pack", "a pack of others", "a file"])
def test_what_another_run_hides_is_not_made_again(tmp_path: Path, hides: str) -> None:
    directory = made(tmp_path / "run")
    directory.discard([("5", 2)])
    others = {("7", 0): b"of another run", ("9", 0): b"of no prompt here"}
    if hides == "a file":
        directory.write_image(("7", 0), b"of another run", 1)
    else:
        # Of the same name and size, but other bytes, is the worst.
        same = {("7", 0): bytes(len(IMAGES["7", 0]))} | {("9", 0): b"?"}
        there = made(tmp_path / "others", same if hides == "a pack" else others)
        for file in one_pack(there):
            shutil.copy(file, directory.path / "packs")
    told: list[str] = []
    assert set(directory.finished_images(told.append)) == set(IMAGES) - {("7", 0), ("5", 2)}
    found = directory.recovered_images(told.append)
    assert set(found) == set(IMAGES) - {("5", 2)}
    assert told[-1] == "1 of them are there as recorded, in an older pack, and are kept."
    told.clear()
    assert directory.recovered_images(told.append) == found
    assert told == ["1 finished image(s) are gone or truncated and count as missing: 5/2."]
    assert read_all(directory)["7", 0] == directory.read_image(("7", 0)) == IMAGES["7", 0]


def test_several_writers_have_a_pack_each(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path, packing=True)
    writers = [directory.image_writer() for _ in range(3)]
    for number, (key, content) in enumerate(IMAGES.items()):
        writers[number % 3].write(key, content, 42)
    for writer in writers:
        writer.close()
    assert len(list(tmp_path.glob("packs/*.tar"))) == 3
    assert read_all(directory) == dict(IMAGES)


def test_what_is_written_meanwhile_is_found(tmp_path: Path) -> None:
    packs = Packs(tmp_path)
    with PackWriter(tmp_path) as one, PackWriter(tmp_path) as other:
        for number, (key, content) in enumerate(IMAGES.items()):
            (one, other)[number % 2].append([(key, content)])
            assert packs.read(key) == content
        other.append([(("7", 0), b"by another process")])
        assert packs.read(("7", 0)) == IMAGES["7", 0]  # as it is known
        wanted = hashlib.sha256(b"by another process").hexdigest()
        assert packs.read(("7", 0), wanted) == b"by another process"


def test_a_pack_that_was_taken_is_written_again(tmp_path: Path) -> None:
    with PackWriter(tmp_path) as writer:
        writer.append([(("1", 0), b"one")])
        for taken in Packs(tmp_path).take():
            assert set(taken.entries) == {("1", 0)}
        writer.append([(("2", 0), b"two")])
    for pack in Packs(tmp_path).refresh()[:1]:
        pack.remove()
    assert Packs(tmp_path).read(("2", 0)) == b"two"


def test_a_large_pack_is_followed_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack_writer, "LARGEST", 4000)
    directory = made(tmp_path / "run")
    assert len(list(directory.path.glob("packs/*.tar"))) > 2
    assert read_all(directory) == dict(IMAGES)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: b"", id="empty"),
        pytest.param(lambda content: content[:-90], id="torn"),
        pytest.param(lambda content: content[:200] + b"\0" * 100 + content[300:], id="zeros"),
        pytest.param(lambda content: content.replace(b'"5"', b'"6"'), id="other names"),
        pytest.param(lambda content: content.replace(b'"offset": ', b'"offset": 9'), id="too far"),
        pytest.param(lambda content: content.replace(b'": ', b'": -'), id="negative"),
        pytest.param(lambda content: b"[" * 100_000 + b"\n", id="deep"),
        pytest.param(
            lambda content: b"".join(content.splitlines(keepends=True)[3:]), id="its beginning"
        ),
        pytest.param(
            lambda content: b"".join(reversed(content.splitlines(keepends=True))), id="reversed"
        ),
    ],
)
def test_an_index_is_rebuilt_from_its_pack(tmp_path: Path, damage: object) -> None:
    directory = made(tmp_path / "run")
    index = one_pack(directory)[1]
    sound = index.read_bytes()
    assert callable(damage)
    index.write_bytes(damage(sound))
    told: list[str] = []
    packs = Packs(directory.path)
    packs.found(told.append)
    assert {key: packs.read(key) for key in IMAGES} == dict(IMAGES)
    # Readers change nothing; who holds the run repairs it, once.
    assert index.read_bytes() == damage(sound)
    directory.tidy_packs(set(IMAGES))
    assert set(read_all(directory)) == set(IMAGES)
    assert set(directory.finished_images(never)) == set(IMAGES)


@pytest.mark.parametrize("damage", ["empty", "torn", "gone"])
def test_a_damaged_index_is_told_until_it_is_repaired(tmp_path: Path, damage: str) -> None:
    directory = made(tmp_path / "run")
    index = one_pack(directory)[1]
    content = index.read_bytes()
    index.write_bytes({"torn": content[:-90]}.get(damage, b""))
    if damage == "gone":
        index.unlink()
    told: list[str] = []
    assert set(directory.finished_images(told.append)) == set(IMAGES) or damage == "torn"
    fresh: list[str] = []
    assert set(Packs(directory.path).found(fresh.append)) == set(IMAGES)
    (sentence,) = fresh
    assert sentence.startswith(f"{one_pack(directory)[0].name}: its index")
    directory.tidy_packs(set(IMAGES))
    assert set(Packs(directory.path).found(never)) == set(IMAGES)


def test_a_pack_that_was_cut_loses_what_was_cut_off(tmp_path: Path) -> None:
    directory = made(tmp_path / "run")
    pack, index = one_pack(directory)
    with tarfile.open(pack) as tar:
        last = tar.getmembers()[-2:]
    os.truncate(pack, last[0].offset_data + 5)
    kept = set(list(IMAGES)[:-2])
    for indexed in (True, False):
        if not indexed:
            index.unlink()
        told: list[str] = []
        assert set(Packs(directory.path).found(told.append)) == kept
        assert any(f"byte {last[0].offset:,}" in sentence for sentence in told)
    assert set(directory.finished_images(lambda text: None)) == kept
    directory.tidy_packs(kept)
    with directory.image_writer() as files:
        for key in IMAGES.keys() - kept:
            files.write(key, IMAGES[key], 42)
    assert set(directory.finished_images(never)) == set(IMAGES)
    assert read_all(directory) == dict(IMAGES)


@pytest.mark.parametrize("indexed", [True, False])
def test_a_damaged_header_costs_one_image(tmp_path: Path, *, indexed: bool) -> None:
    directory = made(tmp_path / "run")
    pack, index = one_pack(directory)
    with tarfile.open(pack) as tar:
        place = tar.getmembers()[3].offset
    content = bytearray(pack.read_bytes())
    content[place : place + 300] = b"\xff" * 300
    pack.write_bytes(content)
    if not indexed:
        index.unlink()
    lost = list(IMAGES)[3]
    assert set(directory.finished_images(lambda text: None)) == set(IMAGES) - {lost}
    packs = Packs(directory.path)
    packs.found(lambda text: None)
    with pytest.raises(FileNotFoundError):
        packs.read(lost)
    assert all(packs.read(key) == IMAGES[key] for key in IMAGES if key != lost)


def test_altered_bytes_are_noticed_in_a_run_too_large_to_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_files, "ALWAYS_FILES", 3)
    directory = made(tmp_path / "run")
    read: list[Key] = []
    whole = RunDirectory.read_image

    def noted(self: RunDirectory, key: Key) -> bytes:
        read.append(key)
        return whole(self, key)

    monkeypatch.setattr(RunDirectory, "read_image", noted)
    assert set(directory.finished_images(never)) == set(IMAGES)
    assert read == []
    pack = one_pack(directory)[0]
    content = pack.read_bytes()
    wait_for_a_tick(tmp_path)
    pack.write_bytes(content.replace(b"image 7/2 ", b"imoge 7/2 "))
    os.utime(pack, ns=(0, 0))
    told: list[str] = []
    assert set(directory.finished_images(told.append)) == set(IMAGES) - {("7", 2)}
    assert told == [
        "1 finished image(s) have other bytes than when they were made and count as missing: 7/2."
    ]
    # A repair must not make them sound.
    directory.tidy_packs(set(IMAGES) - {("7", 2)})
    assert set(directory.finished_images(told.append)) == set(IMAGES) - {("7", 2)}


def test_no_pack_is_read_through_a_link(tmp_path: Path) -> None:
    elsewhere = made(tmp_path / "elsewhere")
    directory = RunDirectory(tmp_path / "run")
    directory.path.mkdir()
    (directory.path / "packs").symlink_to(elsewhere.path / "packs")
    with pytest.raises(UserError, match="symbolic link"):
        directory.finished_images(never)
    (directory.path / "packs").unlink()
    (directory.path / "packs").mkdir()
    pack = one_pack(elsewhere)[0]
    (directory.path / "packs" / pack.name).symlink_to(pack)
    with pytest.raises(UserError, match="symbolic link"):
        directory.finished_images(never)


def test_other_members_and_names_are_left_alone(tmp_path: Path) -> None:
    directory = made(tmp_path / "run")
    pack, index = one_pack(directory)
    index.unlink()
    (tmp_path / "note.txt").write_text("no image")
    with tarfile.open(pack, "a") as tar:
        tar.add(tmp_path / "note.txt", "../note.txt")
        tar.add(tmp_path / "note.txt", "images/../../7/0.png")
        tar.add(tmp_path / "note.txt", "images/8/0.png")
    (pack.parent / "copy of mine.tar").write_bytes(b"?")
    (pack.parent / "images.00000000000000000001-1-00000000.tar").mkdir()
    assert read_all(directory) == {**IMAGES, ("8", 0): b"no image"}


def test_nothing_is_left_of_an_image_that_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = made(tmp_path / "run", dict(list(IMAGES.items())[:4]))
    with directory.image_writer() as files:
        files.write(("1", 0), b"before", 42)
        pwrite = os.pwrite

        def full(handle: int, content: bytes, place: int) -> int:
            monkeypatch.setattr(os, "pwrite", short)
            return pwrite(handle, content[:700], place)

        def short(handle: int, content: bytes, place: int) -> int:
            monkeypatch.setattr(os, "pwrite", pwrite)
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "pwrite", full)
        with pytest.raises(UserError, match="the disk is full"):
            files.write(("2", 0), b"too much" * 200, 42)
        assert ("2", 0) not in Packs(directory.path).found(never)
        files.write(("3", 0), b"after", 42)
    found = read_all(directory)
    assert (found["1", 0], found["3", 0], ("2", 0) in found) == (b"before", b"after", False)
    for pack in directory.path.glob("packs/*.tar"):
        with tarfile.open(pack) as tar:
            assert tar.getnames()
