"""Seed schemes."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialbench.errors import UserError
from spatialbench.runs.seeds import SeedScheme
from tests.stages.fakes import Shapes

BENCHMARK = Shapes()
FIRST, SECOND, *_ = BENCHMARK.prompts("all")


def test_protocol_is_the_benchmarks_own() -> None:
    assert [SeedScheme().seed(BENCHMARK, FIRST, k) for k in range(3)] == [42, 43, 44]


def test_hashed_is_a_hash_of_everything() -> None:
    digest = hashlib.sha256(b"shapes\x000\x001\x007").digest()
    assert SeedScheme(7).seed(BENCHMARK, FIRST, 1) == int.from_bytes(digest[:8], "big") // 2
    seeds = [
        SeedScheme(base).seed(BENCHMARK, prompt, index)
        for base in (0, 7)
        for prompt in (FIRST, SECOND)
        for index in (0, 1)
    ]
    assert len(set(seeds)) == 8
    assert all(0 <= seed < 2**63 for seed in seeds)


@given(st.none() | st.integers())
def test_round_trip(base: int | None) -> None:
    assert SeedScheme.parse(str(SeedScheme(base))) == SeedScheme(base)


@pytest.mark.parametrize("text", ["", "hash", "hashed:", "hashed:x", "hashed:1.5", "protocol:1"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="expected 'protocol', 'hashed' or 'hashed:INTEGER'"):
        SeedScheme.parse(text)
