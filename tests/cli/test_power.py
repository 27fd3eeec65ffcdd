"""``power`` from assumptions and from runs."""

from __future__ import annotations

import json
import shutil

from .conftest import Command


def test_from_assumptions(spatialbench: Command) -> None:
    arguments = ("power", "--bench", "squares", "--rate", 30, "--difference", 10)
    document = json.loads(spatialbench(*arguments, "--format", "json").out)
    sizes = [plan["prompts"] for plan in document["plans"]]
    assert {25, 48, document["prompts_needed"]} == set(sizes)
    assert all(plan["images"] == 2 * plan["prompts"] for plan in document["plans"])
    table = spatialbench(*arguments).out
    assert f"needs {document['prompts_needed']:,} prompts" in table


def test_from_runs(spatialbench: Command) -> None:
    for name, skill in (("a", 0.4), ("b", 0.8)):
        run = ("run", "--method", "painter", "--bench", "squares", "--out", name)
        spatialbench(*run, "--set", f"skill={skill}")
    document = json.loads(spatialbench("power", "a", "b", "--format", "json").out)
    by_key = {found["metric"]: found for found in document["metrics"]}
    assert by_key["RIGHT"]["paired"] < by_key["RIGHT"]["unpaired"]
    assert by_key["FOUND"]["value"] == 100
    assert "prompts for 2" in spatialbench("power", "a").out
    shutil.copytree("a", "copy")
    refused = spatialbench("power", "a", "copy")
    assert refused.status == 2
    assert "hold the same run" in refused.err
    assert spatialbench("power", "a", "--rate", 50).status == 2
    assert spatialbench("power", "--rate", 150).status == 2
    assert spatialbench("power", "a", "b", "a").status == 2
