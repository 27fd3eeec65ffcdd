"""JSON and images of anybody's: bounded, and a ValueError for the rest."""

from __future__ import annotations

import codecs
import io
import json
import os
import tracemalloc
from pathlib import Path

import pytest
from PIL import Image

from spatialbench.files.documents import (
    SMALL,
    json_lines,
    limited_lines,
    parse_json,
    read_json,
    read_limited,
    without_mark,
)
from spatialbench.files.images import MOST_PIXELS, UnreadableImage, open_image
from spatialbench.files.shown_text import MOST_CHARACTERS, printable
from tests.fuzz.formats import image, png


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
    with pytest.raises(ValueError, match="not a regular file"):
        read_limited(tmp_path / "pipe")
    with pytest.raises(ValueError, match="not a regular file"):
        read_limited(Path("/dev/zero"))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_sound_image(form: str) -> None:
    content = image(form)
    opened = open_image(content, (form,))
    with Image.open(io.BytesIO(content)) as expected:
        assert opened.tobytes() == expected.tobytes()
        assert opened.mode == expected.mode


def test_a_decompression_bomb_is_refused_by_its_header() -> None:
    side = int(MOST_PIXELS**0.5) + 1
    open_image(image("PNG"), ("PNG",))  # What it imports is not what the bomb takes.
    tracemalloc.start()
    for width, height in ((side, side), (60_000, 60_000), (2**31 - 1, 2**31 - 1)):
        with pytest.raises(UnreadableImage, match=r"at most|limit|bomb"):
            open_image(png(width, height, 8, 2, ()), ("PNG",))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 22


def test_a_message_moves_no_cursor_and_has_an_end() -> None:
    assert printable("a\x1b[2J\u202eb\x00é\n") == "a\\x1b[2J\\u202eb\\x00é\n"
    assert len(printable("x" * 10**6)) < MOST_CHARACTERS + 20


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks_are_left_out(tmp_path: Path, encoding: str) -> None:
    text = '{"a": "\u00e9"}\n'
    (tmp_path / "a.json").write_text(text, encoding=encoding)
    assert read_limited(tmp_path / "a.json") == text.encode()
    assert read_json(tmp_path / "a.json") == {"a": "\u00e9"}


@pytest.mark.parametrize("mark", [codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE])
def test_marks_of_the_other_order(mark: bytes) -> None:
    name = "utf-16-be" if len(mark) == 2 else "utf-32-be"
    assert without_mark(mark + "[1]".encode(name)) == b"[1]"


def test_a_mark_before_something_else_is_an_error() -> None:
    with pytest.raises(ValueError, match="utf-16"):
        without_mark(codecs.BOM_UTF16_LE + b"a")


@pytest.mark.parametrize("size", [0, 1])
def test_lines_of_a_marked_file(size: int) -> None:
    marked = io.BytesIO(codecs.BOM_UTF8 + b"a\n" + codecs.BOM_UTF8 + b"b\n" * size)
    assert next(limited_lines(marked)) == b"a\n"
    with pytest.raises(ValueError, match="UTF-16: save it as UTF-8"):
        list(limited_lines(io.BytesIO("a\n".encode("utf-16"))))


BREAKS = "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e"
"""What str.splitlines breaks at and a JSON text or its writer may hold."""


def test_lines_end_at_line_feeds_alone() -> None:
    lines = [json.dumps({"text": f"a{one}b"}, ensure_ascii=False).encode() for one in BREAKS]
    assert json_lines(b"\n".join(lines) + b"\n") == lines
    assert json_lines(b"\n".join(lines)) == lines
    assert json_lines(b"a\n\nb\n") == [b"a", b"", b"b"]
    assert json_lines(b"") == []
