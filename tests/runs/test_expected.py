"""The expected images, as a rule is told of them."""

from __future__ import annotations

import pytest

from spatialbench.runs.expected import Expected, ToJudge, expect
from spatialbench.runs.seeds import SeedScheme
from spatialbench.runs.selection import Selection
from tests.stages.fakes import Shapes


@pytest.mark.parametrize("scheme", ["protocol", "hashed:7", "unknown"])
def test_what_a_rule_is_told_is_made_once_it_asks(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = SeedScheme.parse(scheme)
    expected = expect(Shapes(), "all", Selection(limit=3), seeds)
    keys = expected.keys()
    if seeds.known:
        defined = [expected.request(key) for key in keys]
    told = ToJudge(expected, keys)
    with monkeypatch.context() as patch:
        patch.setattr(Expected, "by_id", {})
        assert len(told) == len(keys) > 3
        assert told
    if seeds.known:
        assert list(told) == defined
    assert [(one.prompt.id, one.index) for one in told] == keys
    assert told[1:] == list(told)[1:]
    assert told[-1] is list(told)[-1]
    assert {one.seed == 0 for one in told} == {not seeds.known}
