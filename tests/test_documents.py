"""JSON and pictures of anybody's: bounded, and a ValueError for the rest."""

from __future__ import annotations

import io
import os
import tracemalloc
from pathlib import Path

import pytest
from PIL import Image

from spatialbench.documents import SMALL, limited_lines, parse_json, read_json, read_limited
from spatialbench.errors import MOST_CHARACTERS, printable
from spatialbench.pictures import MOST_PIXELS, UnreadablePicture, open_picture
from tests.fuzz.formats import picture, png


def test_what_is_json() -> None:
    assert parse_json('{"a": [1, "\\u00e9"]}') == {"a": [1, "é"]}
    assert parse_json('"\\ud83d\\ude00"'.encode("utf-16")) == "\U0001f600"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'["\\ud83d"]', "half a surrogate pair"),
        (b"9" * 5000, "limit"),
        (b"\xff\xfe\xff", "decode"),
        (b"", "Expecting value"),
    ],
)
def test_what_is_not(content: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_json(content)


def test_a_file_takes_no_more_memory_than_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    tracemalloc.start()
    with pytest.raises(ValueError, match="larger than 16 MB"):
        read_json(path)
    with path.open("rb") as file, pytest.raises(ValueError, match="longer than 1 MB"):
        list(limited_lines(file, 1 << 20))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * SMALL


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="no regular file"):
        read_limited(tmp_path / "pipe")
    with pytest.raises(ValueError, match="no regular file"):
        read_limited(Path("/dev/zero"))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_sound_picture(form: str) -> None:
    content = picture(form)
    opened = open_picture(content, (form,))
    with Image.open(io.BytesIO(content)) as expected:
        assert opened.tobytes() == expected.tobytes()
        assert opened.mode == expected.mode


def test_a_decompression_bomb_is_refused_by_its_header() -> None:
    side = int(MOST_PIXELS**0.5) + 1
    tracemalloc.start()
    for width, height in ((side, side), (60_000, 60_000), (2**31 - 1, 2**31 - 1)):
        with pytest.raises(UnreadablePicture, match=r"at most|limit|bomb"):
            open_picture(png(width, height, 8, 2, ()), ("PNG",))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 22


def test_a_message_moves_no_cursor_and_has_an_end() -> None:
    assert printable("a\x1b[2J\u202eb\x00é\n") == "a\\x1b[2J\\u202eb\\x00é\n"
    assert len(printable("x" * 10**6)) < MOST_CHARACTERS + 20
