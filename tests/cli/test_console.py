"""What stands beside the bar."""

from __future__ import annotations

import pytest

from spatialbench.cli.console import BarProgress, rate_text


@pytest.mark.parametrize(
    ("speed", "shown"),
    [(None, ""), (0, ""), (12.34, "12.3 images/s"), (1, "1.0 images/s"), (0.25, "4.0 s/image")],
)
def test_rates(speed: float | None, shown: str) -> None:
    assert rate_text(speed) == shown


def test_a_bar_counts_and_tells(capsys: pytest.CaptureFixture[str]) -> None:
    bar = BarProgress()
    bar.begin("detect", 3, 10)
    bar.notice("[bold]as it stands")
    bar.advance(7)
    bar.end()
    err = capsys.readouterr().err
    assert "detect" in err
    assert "10/10" in err
    assert "[bold]as it stands" in err
    bar.notice("after the bar")
    assert "after the bar" in capsys.readouterr().err
