"""The commands a user types: what is missing is named, a gate refuses it, a plan costs nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from spatialbench.cli import main
from tests.methods.served.servers import Asked, Reply, openai_like, serving


def command(verb: str, url: str, *others: str) -> list[str]:
    """A command on two images of the benchmark, seen by the lab's detector."""
    asked = f"{verb} --method openai-images --set url={url} --set retries=1 --set probe=false"
    size = "--bench visor --limit 2 --images-per-prompt 1 --seed-scheme hashed"
    return [*asked.split(), *size.split(), *others]


def fails(asked: Asked) -> Reply | None:
    return (
        Reply({"error": {"message": "boom"}}, 500) if "above" in asked.content["prompt"] else None
    )


def refuses(asked: Asked) -> Reply | None:
    if "above" not in asked.content["prompt"]:
        return None
    return Reply({"error": {"message": "no", "code": "moderation_blocked"}}, 400)


def test_a_permanent_fault_is_named_and_a_gate_refuses_the_run(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole, broken = os.fspath(tmp_path / "whole"), os.fspath(tmp_path / "broken")
    gate = os.fspath(tmp_path / "gate.toml")
    with serving(openai_like(models=("lab",))) as server:
        assert main(command("run", server.url, "--out", whole)) == 0
    assert main(["gate", whole, "--write", gate]) == 0
    capfd.readouterr()
    with serving(openai_like(fails, models=("lab",))) as server:
        assert main(command("run", server.url, "--out", broken)) == 2
        asked = len(server.posts())
    out, err = capfd.readouterr()
    last = err.strip().splitlines()[-1]
    assert last.startswith("error: generate gave up 1 image(s), ")
    assert "answered 500 (boom), 2 times. Everything else is finished and kept" in last
    assert "1/2" in out
    assert main(["gate", broken, "--against", gate]) == 2
    assert main(["status", broken]) == 0
    assert "answered 500 (boom), 2 times" in capfd.readouterr().out
    assert asked == 3

    with serving(openai_like(refuses, models=("lab",))) as server:
        assert main(command("run", server.url, "--out", broken)) == 2
        assert main(command("run", server.url, "--out", broken)) == 2
        assert len(server.posts()) == 1
        assert "asked for again with --retry-refused alone" in capfd.readouterr().err
        assert main(["gate", broken, "--against", gate]) == 2
        capfd.readouterr()
        assert main(["status", broken, "--format", "json"]) == 0
        found = json.loads(capfd.readouterr().out)
        assert (found["refused"], found["images"], found["partial"]) == (1, 1, True)
        assert found["next"].startswith("to ask again for the 1 refused: spatialbench run ")
    with serving(openai_like(models=("lab",))) as server:
        again = command("run", server.url, "--out", broken, "--retry-refused")
        assert main(again) == 0
        assert len(server.posts()) == 1
    assert main(["gate", broken, "--against", gate]) == 0
    images = [sorted(Path(run, "images").rglob("*.png")) for run in (whole, broken)]
    one, other = ([path.read_bytes() for path in paths] for paths in images)
    assert one == other


def test_a_plan_asks_for_no_image(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with serving(openai_like(models=("lab",))) as server:
        out = os.fspath(tmp_path / "run")
        assert main(command("run", server.url, "--out", out, "--dry-run")) == 0
        printed = capfd.readouterr().out
        assert f"needs the server at {server.url[7:]}" in printed
        assert main(command("run", server.url, "--out", out, "--dry-run", "--calibrate")) == 2
        assert "leave --calibrate out" in capfd.readouterr().err
        assert server.posts() == []
    assert main(command("run", server.url, "--out", out, "--dry-run")) == 2
    assert "cannot be reached (Connection refused): start it" in capfd.readouterr().err
    assert not Path(out).exists()
