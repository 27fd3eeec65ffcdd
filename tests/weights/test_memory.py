"""Halving when memory runs out."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from spatialbench.errors import UserError
from spatialbench.weights.memory import Pieces, is_out_of_memory


class OutOfMemoryError(RuntimeError):
    """Named as torch names its own."""


class Device:
    def __init__(self, fits: int, error: Exception) -> None:
        self.fits, self.error, self.sizes = fits, error, list[int]()

    def square(self, items: Sequence[int]) -> list[int]:
        self.sizes.append(len(items))
        if len(items) > self.fits:
            raise self.error
        return [item * item for item in items]


ERRORS = [
    OutOfMemoryError("tried to allocate"),
    RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"),
    MemoryError(),
]


@pytest.mark.parametrize("error", ERRORS)
def test_halves_and_remembers(error: Exception) -> None:
    device, pieces = Device(3, error), Pieces()
    assert pieces.call(device.square, range(8)) == [item * item for item in range(8)]
    assert device.sizes == [8, 4, 2, 2, 2, 2]
    assert pieces.call(device.square, range(5)) == [0, 1, 4, 9, 16]
    assert device.sizes[6:] == [2, 2, 1]


def test_one_image_that_does_not_fit() -> None:
    device = Device(0, MemoryError())
    with pytest.raises(UserError, match="out of memory with a single image"):
        Pieces().call(device.square, range(4))
    assert device.sizes == [4, 2, 1]


def test_other_errors_pass() -> None:
    assert not is_out_of_memory(RuntimeError("shapes do not match"))
    assert not is_out_of_memory(ValueError("out of memory"))
    with pytest.raises(ValueError, match="other"):
        Pieces().call(Device(0, ValueError("other")).square, [1])


def test_a_wrong_number_of_answers() -> None:
    with pytest.raises(ValueError, match="3 were asked for and 2 came back"):
        Pieces().call(lambda items: list(items)[:2], [1, 2, 3])


def test_where_something_makes_room_the_same_is_tried_again() -> None:
    device, asked = Device(3, MemoryError()), list[int]()

    def relieve() -> bool:
        asked.append(device.fits)
        device.fits += 5
        return len(asked) == 1

    pieces = Pieces(relieve)
    assert pieces.call(device.square, range(8)) == [item * item for item in range(8)]
    assert (device.sizes, pieces.size) == ([8, 8], None)
    # The second time nothing can be given back any more.
    assert pieces.call(device.square, range(10)) == [item * item for item in range(10)]
    assert (device.sizes[2:], asked, pieces.size) == ([10, 5, 5], [3, 8], 5)
