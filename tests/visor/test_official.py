"""Results files: written and read back, foreign ones, and those that do not fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spatialbench.benchmarks.visor.official import (
    official_file_name,
    official_results,
    read_official,
)
from spatialbench.benchmarks.visor.plugin import PLUGIN
from spatialbench.benchmarks.visor.prompts import prompts
from spatialbench.benchmarks.visor.rule import CentroidRule
from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.plugins import ScoreTable
from tests.printed import printed
from tests.visor.visor_py import visor_py

ALL = prompts("all")
KITE = ALL[1103]


def kite(x: float, score: float = 0.9) -> Detections:
    """A kite centred at x and a bicycle at 100; the prompt wants the kite on the right."""
    boxes = [[x - 5, 0.0, x + 5, 10.0], [95.0, 0.0, 105.0, 10.0]]
    return Detections.build(boxes, [score, 0.8], ["kite", "bicycle"], 512, 512)


def write(folder: Path, content: Any) -> Path:
    path = folder / "results.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_written_records() -> None:
    results = official_results([(KITE, 0, kite(200)), (KITE, 3, kite(200, 0.05))])
    assert results == {
        "1103_0": {
            "classes": ["kite", "bicycle"],
            "centroid": [[200.0, 5.0], [100.0, 5.0]],
            "recall": 2,
            "sra": 1,
            "text": "a kite to the right of a bicycle",
        },
        "1103_3": {
            "classes": ["bicycle"],
            "centroid": [[100.0, 5.0]],
            "recall": 1,
            "sra": 0,
            "text": "a kite to the right of a bicycle",
        },
    }


def test_read_back_gives_the_rule_s_verdicts(tmp_path: Path) -> None:
    found = [(KITE, k, kite(x)) for k, x in enumerate((200, 50, 100))]
    path = write(tmp_path, official_results(found))
    for (prompt, index, verdict), (_, k, detections) in zip(
        read_official(path), found, strict=True
    ):
        judged = CentroidRule().judge(KITE, detections, 0.1)
        assert (prompt, index) == (KITE, k)
        assert (verdict.correct, verdict.score) == (judged.correct, judged.score)
        assert {key: judged.facts[key] for key in verdict.facts} == verdict.facts


def test_a_foreign_file_scores_as_the_official_script_does(
    tmp_path: Path, as_table: Callable[..., ScoreTable]
) -> None:
    """A subset, with 'and' and single records among it, no recall, and sra where it cannot be."""
    records: dict[str, dict[str, Any]] = {
        "1103_0": {"classes": ["kite", "bicycle"], "sra": 0.5, "rel_type": "to the right of"},
        "1103_1": {"classes": ["kite"], "sra": 1},
        "8_0": {"classes": ["person", "bicycle"], "sra": 1, "rel_type": "and"},
        "31600_2": {"classes": ["person"], "sra": 0, "text": "a person"},
    }
    rows = read_official(write(tmp_path, records))
    assert [(prompt.id, index) for prompt, index, _ in rows] == [
        ("1103", 0),
        ("1103", 1),
        ("8", 0),
        ("31600", 2),
    ]
    assert [verdict.score for _, _, verdict in rows] == [0.5, 0, 0, 0]
    got = printed(PLUGIN, as_table(rows))
    script = visor_py({key: {"recall": 0, **record} for key, record in records.items()}, ALL)
    assert (got["OA"], got["VISOR_cond"], got["VISOR_uncond"]) == (
        script.OA,
        script.VISOR_cond,
        script.VISOR_uncond,
    )
    assert script.images == len(rows) == 4


def test_the_script_fails_where_it_did() -> None:
    with pytest.raises(KeyError, match="recall"):
        visor_py({"1103_0": {"classes": [], "sra": 0}}, ALL)
    with pytest.raises(IndexError):
        visor_py({"11036_0": {"classes": [], "recall": 0, "sra": 0}}, ALL[:20])


def test_a_file_made_with_its_own_prompt_list(tmp_path: Path) -> None:
    own = [ALL[11036], KITE]
    record = {"classes": ["kite", "bicycle"], "sra": 1, "text": KITE.text}
    path = write(tmp_path, {"1_0": record})
    with pytest.raises(UserError, match="another prompt list"):
        read_official(path)
    ((prompt, _, verdict),) = read_official(path, own)
    assert prompt is KITE
    assert verdict.correct


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1, 2]", "not a VISOR results file"),
        ("{", "not a VISOR results file"),
        ({"1103_0": {"classes": ["kite"]}}, r"1103_0\.sra: Field required"),
        ('{"1103_0": {"classes": [], "sra": NaN}}', "finite number"),
        ({"kite_0": {"classes": [], "sra": 0}}, "'kite_0' is not a prompt id"),
        ({"1103": {"classes": [], "sra": 0}}, "'1103' is not a prompt id"),
        ({"31680_0": {"classes": [], "sra": 0}}, "'31680_0' has no prompt"),
    ],
)
def test_files_that_do_not_fit(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_official(write(tmp_path, content))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        read_official(tmp_path / "none.json")


def test_file_name() -> None:
    assert official_file_name("glide") == "results_glide_text_spatial_rel_phrases_owlvit_0.1.json"
