"""What is missing, told together."""

from __future__ import annotations

import pytest

from spatialbench.errors import UserError
from spatialbench.plugins.requirements import Requirement
from spatialbench.stages.preflight import require


def told(*missing: str) -> str:
    found = [Requirement("a thing", one) for one in missing]
    with pytest.raises(UserError) as caught:
        require(found, fetch=lambda: None)
    return str(caught.value)


def test_the_same_advice_is_given_once() -> None:
    end = " Nothing was made or changed."
    assert told("a is not here: type x.", "b is not here: type x.") == (
        f"a is not here; b is not here: type x.{end}"
    )
    assert told("a is not here: type x.", "c is gone.", "b is not here: type x.") == (
        f"2 things are missing: (1) a is not here; b is not here: type x. (2) c is gone.{end}"
    )
    assert told("c is gone.", "c is gone.") == f"c is gone.{end}"
    assert told("a: type x: now.", "b: type y.") == (
        f"2 things are missing: (1) a: type x: now. (2) b: type y.{end}"
    )
