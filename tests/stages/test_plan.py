"""The plan of batches does not depend on what is done."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialbench.errors import UserError
from spatialbench.stages.plan import Shard, due_batches, planned


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


@given(st.integers(0, 60), st.sets(st.integers(0, 59)), st.integers(1, 9), st.integers(1, 70))
def test_shards_are_the_plan_and_share_nothing(
    count: int, done_numbers: set[int], size: int, shards: int
) -> None:
    keys = [(str(number), 0) for number in range(count)]
    done = {(str(number), 0) for number in done_numbers}
    parts = [Shard(number, shards) for number in range(1, shards + 1)]
    together = [batch for part in parts for batch in planned(keys, size, part)]
    assert sorted(together) == sorted(planned(keys, size))
    lengths = [len(planned(keys, size, part)) for part in parts]
    assert max(lengths) - min(lengths) <= 1
    due = [batch for part in parts for batch in due_batches(keys, done, size, part)]
    assert sorted(due, key=lambda batch: keys.index(batch.keys[0])) == due_batches(keys, done, size)


@pytest.mark.parametrize(
    "text", ["0/3", "4/3", "1", "a/b", "1/", "/3", "-1/3", "1/3/5", "1.5/3", ""]
)
def test_a_shard_is_one_of_n(text: str) -> None:
    assert str(Shard.parse("2/3")) == "2/3"
    with pytest.raises(UserError, match="i from 1 to n"):
        Shard.parse(text)
