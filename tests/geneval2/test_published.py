"""Published rows of GenEval 2: all by way of others, and said to be so."""

from __future__ import annotations

from spatialbench.benchmarks.geneval2 import PLUGIN
from spatialbench.benchmarks.geneval2.metrics import AM, GM


def test_rows_are_second_hand_and_say_so() -> None:
    rows = {(row.method, row.base): row for row in PLUGIN.published()}
    assert len(rows) == len(PLUGIN.published()) == 6
    for row in rows.values():
        assert set(row.metrics) <= {AM, GM}
        assert GM in row.metrics
        assert row.evidence == "S"
        assert "as quoted by a secondary source" in row.source
        assert "Not of GenEval 2's authors" in row.note
        # The geometric mean of numbers from 0 to 1 is at most their mean.
        assert row.metrics[GM] <= row.metrics.get(AM, 100)
    assert rows["SDXL", "Stable Diffusion XL, checkpoint not stated"].metrics == {GM: 9.1, AM: 50.1}
