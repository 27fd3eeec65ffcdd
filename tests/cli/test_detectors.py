"""``detectors agree`` through the command line."""

from __future__ import annotations

import json
from pathlib import Path

from spatialbench.runs.store import RunDirectory

from .conftest import Command


def test_a_detector_that_sees_half_agrees_in_part(spatialbench: Command, tmp_path: Path) -> None:
    made = spatialbench("run", "--method", "painter", "--bench", "squares", "--set", "skill=1")
    assert made.status == 0
    (manifest,) = tmp_path.glob("runs/*/*/*/manifest.json")
    run = manifest.parent
    directory = RunDirectory(run)
    stored = directory.detection_journal("colour-blobs@1").path
    journal = directory.detection_journal("half-blind@1").path
    journal.parent.mkdir()
    said = directory.detector_file("colour-blobs@1").read_text()
    directory.detector_file("half-blind@1").write_text(said.replace("colour-blobs", "half-blind"))
    records = [json.loads(line) for line in stored.read_text().splitlines()]
    for record in records[::2]:
        record["scores"] = [0.0] * len(record["scores"])
    journal.write_text("".join(json.dumps(record) + "\n" for record in records))

    outcome = spatialbench("detectors", "agree", run, "colour-blobs", "half-blind@1")
    assert outcome.status == 0
    (whole,) = [line for line in outcome.out.splitlines() if line.startswith("all ")]
    # The first is right on all 96 images, the second on 48: chance alone would agree as often.
    assert whole.split() == ["all", "96", "50.0", "0.000", "48", "48", "0", "0"]
    as_json = spatialbench(
        "detectors", "agree", run, "colour-blobs", "half-blind@1", "--format", "json"
    )
    assert json.loads(as_json.out)["tasks"]["all"] == {
        "images": 96,
        "agree": 50.0,
        "kappa": 0.0,
        "both": 48,
        "only_first": 48,
        "only_second": 0,
        "neither": 0,
    }
    unknown = spatialbench("detectors", "agree", run, "colour-blobs", "half-blid")
    assert unknown.status == 2
    assert "did you mean half-blind@1" in unknown.err
