"""``power`` from assumptions and from runs."""

from __future__ import annotations

import csv
import io
import json
import re
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
    lines = csv.DictReader(io.StringIO(spatialbench("power", "a", "b", "--format", "csv").out))
    for line, found in zip(lines, document["metrics"], strict=True):
        for key, value in found.items():
            assert line[key] == ("" if value is None else str(value)), (line["metric"], key)
    assert "prompts for 2" in spatialbench("power", "a").out
    shutil.copytree("a", "copy")
    refused = spatialbench("power", "a", "copy")
    assert refused.status == 2
    assert "hold the same run" in refused.err
    assert spatialbench("power", "a", "--rate", 50).status == 2
    assert spatialbench("power", "--rate", 150).status == 2
    assert spatialbench("power", "a", "b", "a").status == 2


def test_the_cheapest_design_is_named(spatialbench: Command) -> None:
    asked = spatialbench("power", "--bench", "visor", "--difference", "3", "--half-width", "1")
    assert asked.status == 0
    assert "cheapest for a difference of 3 points, paired: --images-per-prompt 1" in asked.out
    assert "cheapest for an interval of ±1: --images-per-prompt 1 --seed-scheme hashed" in asked.out
    plan = ("run", "--method", "sd", "--bench", "visor", "--dry-run", "--until")
    shown = spatialbench(*plan, "VISOR_uncond+-1", "--format", "json")
    assert shown.status == 0, shown.err
    (note,) = (note for note in json.loads(shown.out)["notes"] if note.startswith("until"))
    # 4 x 4,562 are as narrow on average; of the looks near there half are too wide by chance, and
    # two in a row are wanted: a run stops after 1.1 or 1.21 times as many, or a little more.
    about, most = (int(text.replace(",", "")) for text in re.findall(r"\d\d,\d{3}", note)[:2])
    assert 1.1 * 18_248 < about < 1.21 * 18_248 < most < 1.3 * 18_248
    assert note.startswith(f"until VISOR_uncond ±1: about {about:,} of these images for a share")
    ((how, fewest),) = re.findall(r"cheapest for an interval of ±1: (.*), about (.*) images", note)
    assert how == "--images-per-prompt 1 --seed-scheme hashed, --until"
    assert 1.1 * 9_604 < int(fewest.replace(",", "")) < 1.21 * 9_604
    for aim, said in (
        ("VISOR_uncond+-0.1", "narrower than all 25,280 prompts with 4 images each can give"),
        ("VISOR+-1", "unknown metric in --until 'VISOR'"),
    ):
        refused = spatialbench(*plan, aim)
        assert (refused.status, said in refused.err) == (2, True), refused.err
    single = spatialbench(*plan, "VISOR_4+-1", "--images-per-prompt", "1")
    assert (single.status, "VISOR_4 ±1: that metric is undefined here" in single.err) == (2, True)
    shard = spatialbench(*plan[:-2], "--until", "OA+-1", "--shard", "1/2")
    assert (shard.status, "leave --shard out" in shard.err) == (2, True)
