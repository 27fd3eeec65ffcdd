"""The official scorer, ``visor.py``, as a function of its own records.

For checking a results file against the published script. It fails where the script fails. Runs of
this harness are scored by ``metrics``, which gives the same numbers.
Source: ``visor.py`` and the notebook's ``get_visor`` of microsoft/VISOR @ b9e368b.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spatialbench.prompts import Prompt

Results = Mapping[str, Mapping[str, Any]]
"""A results file: ``"{position}_{k}"`` to a record with ``classes``, ``recall`` and ``sra``."""


@dataclass(frozen=True, slots=True)
class VisorPy:
    """What ``visor.py`` computes, in percent; ``images`` counts skipped records too."""

    OA: float
    OA_A: float
    OA_B: float
    VISOR_cond: float
    VISOR_n: tuple[float, float, float, float]
    images: int

    @property
    def VISOR_uncond(self) -> float:
        """As the script prints it: a product, not a count."""
        return 0.01 * (self.VISOR_cond * self.OA)

    def row(self) -> dict[str, str]:
        """The row of the printed table, two decimals, in the script's column order."""
        numbers = {
            "OA": self.OA,
            "VISOR_cond": self.VISOR_cond,
            "VISOR_uncond": self.VISOR_uncond,
            **{f"VISOR_{n}": value for n, value in enumerate(self.VISOR_n, start=1)},
        }
        printed = {key: f"{value:.2f}" for key, value in numbers.items()}
        return printed | {"Num_Imgs": str(self.images)}


def visor_py(results: Results, prompts: Sequence[Prompt]) -> VisorPy:
    """Score a results file as the script does.

    Args:
        results: the parsed file.
        prompts: all prompts of the text file; a record belongs to the prompt at its *position*.

    Raises:
        ZeroDivisionError: no image of a prompt with a relation, or none with both objects.
        KeyError: a record without ``classes``, ``recall`` (never used, still needed) or ``sra``.
        IndexError: an id beyond the prompt list.
    """
    images = a_found = b_found = both_found = 0
    hits: float = 0
    per_prompt: dict[int, float] = {}
    for key, record in results.items():
        position = int(key.split("_")[0])
        prompt = prompts[position]
        if prompt.triplet is None:
            continue
        classes, _, sra = record["classes"], record["recall"], record["sra"]
        a, b = prompt.objects[0] in classes, prompt.objects[1] in classes
        hit = sra if a and b else 0
        images += 1
        a_found += a
        b_found += b
        both_found += a and b
        hits += hit
        per_prompt[position] = per_prompt.get(position, 0) + hit

    def at_least(n: int) -> float:
        return 100 * sum(total >= n for total in per_prompt.values()) / len(per_prompt)

    return VisorPy(
        OA=100 * both_found / images,
        OA_A=100 * a_found / images,
        OA_B=100 * b_found / images,
        VISOR_cond=100 * hits / both_found,
        VISOR_n=(at_least(1), at_least(2), at_least(3), at_least(4)),
        images=len(results),
    )


def notebook_visor(records: Sequence[Mapping[str, Any]], prompt: Prompt) -> dict[str, Any]:
    """The notebook's variant for one prompt; it differs from ``visor_py`` in the sixth digit.

    Its denominators carry 1e-6, VISOR_uncond counts ``sra`` whether or not both objects are there,
    and VISOR_n counts images with both objects only.

    Returns:
        ``visor_uncond``, ``visor_cond``, ``visor_n`` (four) and ``objacc_A_B_both`` (three).

    Raises:
        ZeroDivisionError: no records.
    """
    tiny = 1e-6
    names = [*prompt.objects, None][:2]
    found = [[name in record["classes"] for name in names] for record in records]
    right = [record["sra"] for record in records]
    right_of_both = [sra for sra, (a, b) in zip(right, found, strict=True) if a and b]
    count, both, hits = len(records), len(right_of_both), sum(right_of_both)
    shares = [sum(a for a, _ in found), sum(b for _, b in found), both]
    return {
        "visor_uncond": 100 * sum(right) / (count + tiny),
        "visor_cond": 100 * hits / (both + tiny),
        "visor_n": [100 * (hits >= n) / (1 + tiny) for n in range(1, 5)],
        "objacc_A_B_both": [100 * share / count for share in shares],
    }
