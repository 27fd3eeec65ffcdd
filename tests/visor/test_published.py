"""Published rows: every one that breaks an identity between its own cells says so."""

from __future__ import annotations

from spatialbench.benchmarks.visor.metrics import METRICS
from spatialbench.benchmarks.visor.published import published

ROUNDING = 0.011

HEADLINE = [metric.key for metric in METRICS if metric.headline]


def test_rows_are_complete_and_labelled() -> None:
    assert len(published()) == len({(row.method, row.base) for row in published()}) == 23
    for row in published():
        assert set(row.metrics) <= set(HEADLINE)
        assert "VISOR_uncond" in row.metrics or row.method == "Attend-and-Excite"
        assert row.source
        assert row.evidence in set("PSCD")


def test_known_cells() -> None:
    rows = {(row.method, row.base): row.metrics for row in published()}
    assert rows["InfSplign (sigmoid)", "stabilityai/stable-diffusion-2-1-base"] == {
        "OA": 63.20,
        "VISOR_uncond": 62.03,
        "VISOR_cond": 98.14,
        "VISOR_1": 89.71,
        "VISOR_2": 74.60,
        "VISOR_3": 54.53,
        "VISOR_4": 29.28,
    }
    glide = rows["GLIDE", "GLIDE"]
    assert [glide[key] for key in HEADLINE] == [3.36, 1.98, 59.06, 6.72, 1.02, 0.17, 0.03]


def test_inconsistent_rows_have_a_note() -> None:
    inconsistent = set()
    for row in published():
        cells = row.metrics
        if "VISOR_uncond" not in cells:
            continue
        if {"OA", "VISOR_cond"} <= set(cells):
            product = cells["OA"] * cells["VISOR_cond"] / 100
            if abs(product - cells["VISOR_uncond"]) > ROUNDING:
                inconsistent.add((row.method, row.base))
                assert f"gives {product:.2f}, not {cells['VISOR_uncond']}" in row.note
        at_least = [cells[f"VISOR_{n}"] for n in range(1, 5) if f"VISOR_{n}" in cells]
        mean = sum(at_least) / 4
        if len(at_least) == 4 and abs(mean - cells["VISOR_uncond"]) > ROUNDING:
            inconsistent.add((row.method, row.base))
            assert f"is {mean:.2f}, not {cells['VISOR_uncond']}" in row.note
    assert {method for method, _ in inconsistent} == {
        "Control-GPT",
        "STORM",
        "CoMPaSS (fine-tuned)",
    }
    assert len(inconsistent) == 3
    marked = {(row.method, row.base) for row in published() if "inconsistent" in row.marks}
    assert {method for method, _ in marked - inconsistent} == {"Attend-and-Excite"}
    assert inconsistent < marked
