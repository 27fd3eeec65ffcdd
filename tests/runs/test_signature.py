"""Signatures: read back exactly as written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialbench.errors import UserError
from spatialbench.runs.signature import Signature, base, method, parameters

words = st.text(min_size=1)
counts = st.integers(0, 10**6)
signatures = st.builds(
    Signature,
    benchmark=words,
    rule=words,
    detector=words,
    threshold=st.floats(0, 1),
    prompts=counts,
    images_per_prompt=counts,
    software=words,
    subset=st.none() | words,
    only=st.lists(words, max_size=3).map(tuple),
    found=st.none() | counts,
    stands_in_for=st.none() | words,
    method=st.none() | words,
    base=st.none() | words,
    seeds=st.none() | words,
    run=st.none() | words,
) | st.builds(
    Signature,
    benchmark=words,
    rule=words,
    detector=words,
    threshold=st.floats(0, 1),
    prompts=counts,
    images_per_prompt=counts,
    software=words,
    method=words,
    parameters=st.dictionaries(st.text(), st.text(), max_size=4),
)


@given(signatures)
def test_round_trip(signature: Signature) -> None:
    line = str(signature)
    assert Signature.parse(line) == signature
    assert line.isascii()
    assert "\n" not in line


def test_the_line_a_person_reads() -> None:
    generator: dict[str, Any] = {
        "method": "infsplign",
        "version": 1,
        "backbone": {"name": "sd2.1-base", "source": "a/b", "revision": "4e63672aaaa"},
        "scheduler": {"name": "ddim", "eta": 0},
        "steps": 50,
        "negative_prompt": None,
        "parameters": {"alpha": 1.5, "window": [0, 0.25], "loss": "sigmoid"},
    }
    signature = Signature(
        benchmark="visor/1",
        rule="visor-centroid/1",
        detector="owlvit-base-patch32@cbc355f",
        threshold=0.1,
        prompts=25280,
        images_per_prompt=4,
        software="0.1.0",
        method=method(generator),
        parameters=parameters(generator),
        base=base(generator),
        seeds="hashed:7",
    )
    line = (
        "visor/1 rule:visor-centroid/1 det:owlvit-base-patch32@cbc355f thr:0.1 n:25280x4 "
        "gen:infsplign/1(scheduler=ddim,steps=50,alpha=1.5,window=0+0.25,loss=sigmoid) "
        "base:sd2.1-base@4e63672 seeds:hashed:7 sb:0.1.0"
    )
    assert str(signature) == line
    assert Signature.parse(line) == signature


@pytest.mark.parametrize(
    "line",
    [
        "",
        "visor/1",
        "visor/1 rule:r det:d thr:high n:1x1 sb:0",
        "visor/1 rule:r det:d thr:0.1 n:1 sb:0",
        "visor/1 det:d rule:r thr:0.1 n:1x1 sb:0",
        "visor/1 rule:r det:d thr:0.1 n:1x1 sb:0 more:1",
        "visor/1 rule:r det:d thr:0.10 n:1x1 sb:0",
    ],
)
def test_other_lines_are_refused(line: str) -> None:
    with pytest.raises(UserError, match="is not a signature"):
        Signature.parse(line)
