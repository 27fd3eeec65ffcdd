"""``run --record guidance``, and what ``guidance`` shows of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spatialbench.cli import main

from .json_schemas import fits

RUN = ["run", "--bench", "visor", "--limit", "1", "--images-per-prompt", "1", "--steps", "2"]


def test_the_loss_is_kept_shown_and_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded, plain = tmp_path / "recorded", tmp_path / "plain"
    guided = [*RUN, "--method", "infsplign", "--set", "layers=all"]
    assert main([*guided, "--record", "guidance", "--out", str(recorded)]) == 0
    assert main([*guided, "--out", str(plain)]) == 0
    images = [json.loads((one / "images.jsonl").read_text()) for one in (recorded, plain)]
    assert images[0]["sha256"] == images[1]["sha256"]
    manifests = [json.loads((one / "manifest.json").read_text()) for one in (recorded, plain)]
    assert manifests[0]["id"] == manifests[1]["id"]
    assert not (plain / "recorded.jsonl").exists()

    capsys.readouterr()
    chart = tmp_path / "loss.svg"
    assert main(["guidance", str(recorded), "--chart", str(chart), "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    fits("guidance", told)
    fits("recorded.jsonl", json.loads((recorded / "recorded.jsonl").read_text()))
    assert (told["images"], told["steps"]) == (1, [0, 1])
    assert [one["layer"] for one in told["layers"]] == ["1.1", "1.2", "2.1", "2.2"]
    assert chart.read_text().count("<title>") == 4

    assert main(["guidance", str(plain)]) == 2
    said = capsys.readouterr().err
    assert "has no record of its guidance" in said
    assert "--record guidance" in said
    assert main(["guidance", str(recorded), "--chart", "loss.jpeg"]) == 2
    assert "ends in .svg, .pdf or .png" in capsys.readouterr().err
    assert main(["guidance", str(recorded), "--chart", str(tmp_path / "no" / "x.svg")]) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("method", "what", "said"),
    [
        ("sd", "guidance", "has nothing to record"),
        ("infsplign", "guidence", "unknown recording of this method 'guidence': did you mean"),
    ],
)
def test_what_cannot_be_recorded_is_refused_before_the_first_image(
    method: str, what: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert main([*RUN, "--method", method, "--record", what, "--out", str(out)]) == 2
    assert said in capsys.readouterr().err
    assert not out.exists()
