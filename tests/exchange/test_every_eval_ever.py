"""Records of Every Eval Ever: their place, their form, their numbers."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from spatialbench.errors import UserError
from spatialbench.exchange.every_eval_ever import export_record, record
from spatialbench.reports.scored import ScoredRun
from tests.reports.scored_runs import scored_run
from tests.tree import tree

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "every-eval-ever.schema.json"


@pytest.fixture
def scored(tmp_path: Path) -> ScoredRun:
    return scored_run(tmp_path / "run", lambda prompt, index: int(prompt.id) % 3 > index)


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(document)
    return document


def test_a_record_lies_where_the_data_store_wants_it(scored: ScoredRun, tmp_path: Path) -> None:
    (path,) = export_record(scored.run, tmp_path / "out")
    *folders, name = path.relative_to(tmp_path / "out").parts
    assert folders == ["data", "shapes", "unknown", "easel"]
    # What its validator asks of a name: a UUID of version 4.
    uuid4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\.json"
    assert re.fullmatch(uuid4, name)
    document = read(path)
    assert document["model_info"]["id"] == "unknown/easel"
    assert document["model_info"]["developer"] == "unknown"


def test_the_numbers_are_those_of_the_summary(scored: ScoredRun, tmp_path: Path) -> None:
    (path,) = export_record(scored.run, tmp_path / "record.json")
    assert path == tmp_path / "record.json"
    document, result = read(path), scored.result
    by_id = {one["evaluation_result_id"]: one for one in document["evaluation_results"]}
    assert set(by_id) == {"shapes:right", *(f"shapes.{name}:right" for name in result.groups)}
    whole = by_id["shapes:right"]["score_details"]
    low, high = result.interval("right")
    interval = whole["uncertainty"]["confidence_interval"]
    assert whole["score"] == result.metric("right")
    assert (interval["lower"], interval["upper"], interval["confidence_level"]) == (low, high, 0.95)
    assert whole["uncertainty"]["num_samples"] == result.images
    assert document["eval_library"]["additional_details"]["signature"] == result.signature
    for one in document["evaluation_results"]:
        bounds = one["metric_config"]
        assert bounds["min_score"] <= one["score_details"]["score"] <= bounds["max_score"]
        assert bounds["lower_is_better"] is False


def test_the_same_run_again_changes_no_byte(
    scored: ScoredRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_record(scored.run, tmp_path / "out")
    before = tree(tmp_path / "out")
    monkeypatch.setattr(time, "time", lambda: 4e9)
    export_record(scored.run, tmp_path / "out")
    assert tree(tmp_path / "out") == before
    # Without a date in it: an id that does not move, beside another for another run.
    (path,) = (tmp_path / "out").rglob("*.json")
    identifier = read(path)["evaluation_id"]
    assert record(scored, "4000000000")["evaluation_id"] == identifier
    other = scored_run(tmp_path / "other", lambda prompt, index: True, method="other")
    export_record(other.run, tmp_path / "out")
    assert len(list((tmp_path / "out").rglob("*.json"))) == 2


@pytest.mark.parametrize("homepage", ["", "https://shapes.test"])
def test_the_prompts_are_named_by_their_address(
    scored: ScoredRun, tmp_path: Path, homepage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(scored.benchmark), "homepage", homepage)
    document = read(export_record(scored.run, tmp_path / "record.json")[0])
    told = document["evaluation_results"][0]["source_data"]
    assert told.get("url") == ([homepage] if homepage else None)
    assert told["source_type"] == ("url" if homepage else "other")
    assert told["additional_details"]["prompt_set"] == scored.run.manifest.identity["prompt_set"]


def test_a_partial_run_has_no_record(tmp_path: Path) -> None:
    part = scored_run(tmp_path / "part", lambda prompt, index: True, missing=[("0", 0)])
    with pytest.raises(UserError, match=r"is partial: 119 of 120 images .*spatialbench status"):
        export_record(part.run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_named_backbone_is_its_repository(
    scored: ScoredRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = scored.run.manifest.identity["generator"]
    monkeypatch.setitem(generator, "backbone", {"name": "sdxl", "revision": "46216598"})
    model = record(scored, "1")["model_info"]
    assert model["id"] == "stabilityai/stable-diffusion-xl-base-1.0"
    assert model["developer"] == "stabilityai"
    assert model["additional_details"]["model_availability"] == "hf"
    monkeypatch.setitem(generator, "backbone", {"name": "me/mine", "revision": "0" * 40})
    assert record(scored, "1")["model_info"]["id"] == "me/mine"
    # What a run's file says is never imported.
    monkeypatch.setitem(generator, "backbone", {"name": "os:system"})
    assert record(scored, "1")["model_info"]["id"] == "unknown/os-system"
    monkeypatch.setitem(generator, "version", "imported")
    details = record(scored, "1")["model_info"]["additional_details"]
    assert details["deployment_type"] == details["model_availability"] == "unknown"


def test_nothing_is_written_into_a_run(scored: ScoredRun) -> None:
    with pytest.raises(UserError, match="belongs to the run"):
        export_record(scored.run, scored.run.path / "summary.json")
