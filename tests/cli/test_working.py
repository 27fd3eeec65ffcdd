"""Shards, options of Ray, and images that are given up, from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Command

RUN = ("run", "--method", "painter", "--bench", "squares", "--limit", "12")


def _files(run: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(run)): path.read_bytes()
        for path in run.rglob("*")
        if path.is_file() and path.name not in ("manifest.json", "timing.jsonl", ".lock")
    }


def _table(out: str) -> list[str]:
    """What was printed, but for the measured seconds."""
    return [line for line in out.splitlines() if not line.startswith("price: ")]


def test_shards_and_then_the_table(spatialbench: Command, tmp_path: Path) -> None:
    whole = spatialbench(*RUN, "--out", "whole")
    for number in (2, 1):
        outcome = spatialbench(*RUN, "--out", "parts", "--shard", f"{number}/2")
        assert outcome.status == 0
        assert outcome.out == "parts\n"
        assert f"shard {number}/2 is done" in outcome.err
    state = json.loads(spatialbench("status", "parts", "--format", "json").out)
    assert (state["images"], state["images_expected"]) == (24, 24)
    assert (
        "--shard" not in json.loads((tmp_path / "parts" / "manifest.json").read_text())["command"]
    )
    assert _table(spatialbench(*RUN, "--out", "parts").out) == _table(whole.out)
    assert _files(tmp_path / "parts") == _files(tmp_path / "whole")


def test_each_verb_takes_a_shard(spatialbench: Command, tmp_path: Path) -> None:
    spatialbench(*RUN, "--out", "whole")
    for number in (1, 2, 3):
        shard = ("--shard", f"{number}/3")
        assert spatialbench("generate", *RUN[1:], "--out", "parts", *shard).status == 0
        assert spatialbench("detect", "parts", *shard).status == 0
    assert spatialbench(*RUN, "--out", "parts").status == 0
    assert _files(tmp_path / "parts") == _files(tmp_path / "whole")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--shard", "3/2"), "expected i/n with i from 1 to n"),
        (("--workers", "2"), "--workers is for several workers: add --executor ray"),
        (("--gpus-per-worker", "0.5"), "add --executor ray"),
        (("--time-limit", "60"), "--time-limit is for several workers"),
        (("--address", "auto"), "add --executor ray"),
        (("--executor", "slurm"), "'slurm' is not one of 'local', 'ray'"),
        (("--calibrate",), "--calibrate is for a plan, not for a run: add --dry-run"),
        (("--price-per-hour", "2"), "add --dry-run"),
        (("--executor", "ray", "--device", "gpu"), "--device 'gpu' is not a device"),
    ],
)
def test_options_that_do_not_fit(
    spatialbench: Command, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    outcome = spatialbench(*RUN, "--out", "run", *options)
    assert outcome.status == 2
    assert said in outcome.err
    assert not (tmp_path / "run").exists()


def test_what_was_given_up_is_said_last_with_status_2(
    spatialbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from coloured_squares.painter import Painter

    real = Painter.generate

    def choosy(self: Painter, requests: Any) -> Any:
        if any(request.prompt.id == first for request in requests):
            raise ValueError("not this one")
        return real(self, requests)

    whole = spatialbench(*RUN, "--out", "whole")
    first = sorted(path.name for path in (tmp_path / "whole" / "images").iterdir())[0]
    with monkeypatch.context() as patch:
        patch.setattr(Painter, "generate", choosy)
        outcome = spatialbench(*RUN, "--out", "run")
    assert outcome.status == 2
    assert "16/24" in outcome.out
    last = outcome.err.splitlines()[-1]
    assert last.startswith("error: generate gave up 8 image(s)")
    assert "failed 3 times: ValueError: not this one" in last
    assert last.endswith("give the same command again to try these images once more.")
    assert "gave up 8 image(s)" in spatialbench("status", "run").out
    again = spatialbench(*RUN, "--out", "run")
    assert (again.status, _table(again.out)) == (0, _table(whole.out))
    assert _files(tmp_path / "run") == _files(tmp_path / "whole")


def test_a_dry_run_measures_and_prices(spatialbench: Command, tmp_path: Path) -> None:
    options = ("--dry-run", "--calibrate", "--format", "json", "--price-per-hour", "7200")
    plan = json.loads(spatialbench(*RUN, *options, "--batch-size", "4").out)
    alone = plan["seconds"]
    assert alone > 0
    # 7200 an hour is 2 a second; one worker works all the time there is.
    assert plan["price"] == pytest.approx(2 * alone)
    assert plan["worker_hours"] == pytest.approx(alone / 3600)
    assert "from 4 images made here" in plan["basis"]
    assert list(tmp_path.iterdir()) == []
    whole = spatialbench(*RUN, "--out", "run", "--batch-size", "4")
    assert whole.status == 0
    sizes = [path.stat().st_size for path in (tmp_path / "run" / "images").rglob("*.png")]
    assert plan["bytes"] == pytest.approx(sum(sizes) + 24 * 400, rel=0.4)
    known = json.loads(spatialbench(*RUN, "--out", "run", "--dry-run", "--format", "json").out)
    assert known["basis"].startswith("from 24 images of this run on ")
    assert known["price"] is None
    lines = spatialbench(*RUN, "--out", "run", "--dry-run", "--format", "csv").out.splitlines()
    assert {
        "seconds": str(known["seconds"]),
        "bytes": str(known["bytes"]),
        "price": "",
    }.items() <= {line.split(",")[0]: line.split(",")[1] for line in lines}.items()
    shared = json.loads(
        spatialbench(*RUN, "--out", "run", "--dry-run", "--workers", "4", "--format", "json").out
    )
    assert shared["seconds"] == pytest.approx(known["seconds"] / 4)
    assert shared["worker_hours"] == pytest.approx(known["worker_hours"])
