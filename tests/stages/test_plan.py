"""The plan of batches does not depend on what is done."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialbench.errors import UserError
from spatialbench.stages.plan import due_batches


@given(st.integers(0, 50), st.sets(st.integers(0, 49)), st.integers(1, 60))
def test_due_batches(count: int, done_numbers: set[int], size: int) -> None:
    keys = [(str(number), 0) for number in range(count)]
    done = {(str(number), 0) for number in done_numbers}
    due = due_batches(keys, done, size)
    assert {key for batch in due for key in batch.missing} == set(keys) - done
    for batch in due:
        start = int(batch.keys[0][0])
        assert start % size == 0
        assert list(batch.keys) == keys[start : start + size]
        assert batch.missing == set(batch.keys) - done
        assert batch.missing


def test_a_batch_holds_something() -> None:
    with pytest.raises(UserError, match="--batch-size 0 is too small"):
        due_batches([], set(), 0)
