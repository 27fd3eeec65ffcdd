"""Masks as a file: what is written is read, and what does not fit is refused."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spatialbench.errors import UserError
from spatialbench.scoring.rules import stored_masks
from spatialbench.scoring.rules.stored_masks import packed_masks, read_masks

BOXES = np.array([[0, 0, 3, 2], [1, 1, 2, 2]], dtype=np.float32)


def saved(path: Path, **arrays: Any) -> Path:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    path.write_bytes(buffer.getvalue())
    return path


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_what_is_written_is_read(tmp_path_factory: Any, width: int, height: int, seed: int) -> None:
    masks = np.random.default_rng(seed).random((2, height, width)) < 0.5
    path = tmp_path_factory.mktemp("masks") / "0.masks.npz"
    path.write_bytes(packed_masks(BOXES, masks))
    other = np.array([[9, 9, 10, 10]], dtype=np.float32)
    first, none, second = read_masks(
        path, np.concatenate([BOXES[:1], other, BOXES[1:]]), width, height
    )
    assert none is None
    assert first is not None
    assert second is not None
    assert np.array_equal([first, second], masks)


def test_numpy_reads_the_file_too(tmp_path: Path) -> None:
    path = tmp_path / "0.masks.npz"
    path.write_bytes(packed_masks(BOXES, np.ones((2, 2, 3), dtype=bool)))
    with np.load(path) as stored:
        assert np.array_equal(stored["boxes"], BOXES)
        assert stored["size"].tolist() == [2, 3]


GOOD: dict[str, Any] = {
    "boxes": BOXES,
    "size": np.array([2, 3]),
    "masks": np.zeros((2, 1), dtype=np.uint8),
}


@pytest.mark.parametrize(
    ("arrays", "why"),
    [
        ({**GOOD, "size": np.array([3, 2])}, r"of size \[3, 2\] and not \[2, 3\]"),
        ({**GOOD, "masks": np.zeros((2, 9), dtype=np.uint8)}, "do not belong together"),
        ({**GOOD, "masks": np.zeros((3, 1), dtype=np.uint8)}, "do not belong together"),
        ({**GOOD, "boxes": BOXES.T}, "no plain array|do not belong together"),
        ({**GOOD, "masks": np.zeros((2, 1), dtype=np.int64)}, "of int64"),
        ({**GOOD, "masks": np.array([[{}], [{}]])}, "masks are no plain array"),
        ({"boxes": BOXES, "size": np.array([2, 3])}, "masks.npy"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, arrays: dict[str, Any], why: str) -> None:
    path = saved(tmp_path / "0.masks.npz", **arrays)
    with pytest.raises(UserError, match=rf"cannot be read \(.*({why}).*spatialbench depth RUN"):
        read_masks(path, BOXES, 3, 2)


def test_an_archive_that_unpacks_to_more_than_masks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_masks, "LARGEST", 1 << 20)
    path = tmp_path / "0.masks.npz"
    path.write_bytes(packed_masks(BOXES, np.zeros((2, 2048, 2048), dtype=bool)))
    assert path.stat().st_size < 1 << 16
    with pytest.raises(UserError, match="masks are larger than 1 MB"):
        read_masks(path, BOXES, 2048, 2048)


def test_a_header_of_more_than_there_is(tmp_path: Path) -> None:
    """Half a terabyte, it says."""
    path = saved(tmp_path / "0.masks.npz", **GOOD)
    content = path.read_bytes()
    grown = content.replace(b"(2, 1), }" + b" " * 11, b"(99999999999, 5), }" + b" ")
    assert grown != content
    path.write_bytes(grown)
    with pytest.raises(UserError, match="cannot be read"):
        read_masks(path, BOXES, 3, 2)
