"""Everything a run will need is asked for before anything of it is made: nothing is left behind."""

from __future__ import annotations

import json
import os
import shutil
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from spatialbench.plugins.requirements import Requirement
from tests.reference_data import t2i_compbench_files

from .conftest import Command, Outcome

LAB = ("--method", "sd", "--limit", "2", "--steps", "2")
VISOR = (*LAB, "--bench", "visor")
SQUARES = ("--method", "painter", "--bench", "squares", "--limit", "2")


@pytest.fixture(autouse=True)
def nothing_cached(tmp_path_factory: pytest.TempPathFactory, monkeypatch: Any) -> None:
    """Empty caches, no depth maps, and a Hub that must not be asked."""
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache / "hub"))
    monkeypatch.setenv("SPATIALBENCH_CACHE", str(cache / "own"))
    monkeypatch.delenv("SPATIALBENCH_T2I_DEPTH", raising=False)


def refused(outcome: Outcome, folder: Path, *sentences: str) -> str:
    """The error of a command that made nothing at all."""
    assert outcome.status == 2, outcome.err
    assert list(folder.iterdir()) == []
    last = outcome.err.strip().splitlines()[-1]
    for sentence in sentences:
        assert sentence in last
    return last


@pytest.mark.parametrize("verb", [("run",), ("run", "--shard", "1/2")])
def test_the_detectors_weights(spatialbench: Command, tmp_path: Path, verb: tuple[str]) -> None:
    outcome = spatialbench(*verb, *VISOR, "--detector", "owlvit", "--offline")
    last = refused(outcome, tmp_path, "google/owlvit-base-patch32@cbc355f", "fetch owlvit")
    assert "type 'spatialbench generate --method sd --limit 2 --steps 2 --bench visor" in last
    assert "--detector" not in last.rpartition("type '")[2]
    for name in ("unidet", "mask2former"):
        outcome = spatialbench(*verb, *VISOR, "--detector", name, "--offline")
        refused(outcome, tmp_path, f"the weights of {name} are not in the cache")


def test_the_offered_command_works_and_the_rest_goes_on_from_there(
    spatialbench: Command, tmp_path: Path
) -> None:
    outcome = spatialbench("run", *SQUARES, "--detector", "owlvit", "--offline")
    offered = refused(outcome, tmp_path).rpartition("type '")[2].partition("'")[0]
    made = spatialbench(*offered.split()[1:])
    assert made.status == 0
    run = Path(made.out.strip())
    # Looking at them with that detector is refused too, and leaves the run as it was.
    before = sorted(run.rglob("*"))
    assert spatialbench("detect", run, "--detector", "owlvit", "--offline").status == 2
    assert sorted(run.rglob("*")) == before
    assert spatialbench("run", *SQUARES).status == 0


def test_ray_asks_the_same_and_for_itself(
    spatialbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("run", *VISOR, "--executor", "ray", "--detector", "owlvit", "--offline")
    monkeypatch.setattr("spatialbench.executors.named.find_spec", lambda name: object())
    refused(spatialbench(*asked), tmp_path, "not in the local cache")
    monkeypatch.setattr("spatialbench.executors.named.find_spec", lambda name: None)
    refused(spatialbench(*asked), tmp_path, 'pip install "spatialbench[ray]"')


def test_the_backbones_weights(spatialbench: Command, tmp_path: Path) -> None:
    for verb in ("run", "generate"):
        outcome = spatialbench(verb, *VISOR, "--backbone", "sd1.4", "--offline")
        last = refused(outcome, tmp_path, "spatialbench fetch sd1.4")
        assert "make only the images" not in last


def test_all_that_is_missing_is_said_at_once(spatialbench: Command, tmp_path: Path) -> None:
    """At least the backbone and the detector."""
    refused(
        spatialbench("run", *VISOR, "--backbone", "sd1.4", "--offline"),
        tmp_path, "2 things are missing: (1)", "fetch sd1.4", "(2)", "fetch owlvit",
    )  # fmt: skip


def test_what_can_be_fetched_is_fetched_before_anything_is_made(
    spatialbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{port}")
    outcome = spatialbench("run", *VISOR, "--detector", "owlvit")
    refused(outcome, tmp_path, "cannot fetch google/owlvit-base-patch32@", "cannot be reached")


def test_depth_maps(spatialbench: Command, tmp_path: Path, monkeypatch: Any) -> None:
    t2i_compbench_files(monkeypatch)
    depth = (*LAB, "--bench", "t2i-compbench:3d", "--detector", "lab-owlvit")
    for rule in ("3d-official", "3d-corrected"):
        outcome = spatialbench("run", *depth, "--rule", rule, "--offline")
        last = refused(outcome, tmp_path, "'spatialbench fetch dpt-hybrid'", "'spatialbench gen")
        assert "--rule" not in last
    maps = tmp_path.parent / "maps"
    maps.mkdir()
    monkeypatch.setenv("SPATIALBENCH_T2I_DEPTH", str(maps))
    refused(spatialbench("run", *depth), tmp_path, "20 of 20 are not in")
    # A rule for any benchmark: its maps are of this run's own images, which are not there.
    outcome = spatialbench("run", *depth, "--rule", "esplora-r1")
    refused(outcome, tmp_path, "esplora-r1/1 needs a depth map", "'spatialbench depth runs/t2i-")
    # Another category's rule judges none of the prompts.
    outcome = spatialbench("run", *depth, "--rule", "2d-official")
    refused(outcome, tmp_path, "2d")


def test_colours_only_where_a_prompt_asks_for_one(spatialbench: Command, tmp_path: Path) -> None:
    plan = ("run", *LAB, "--bench", "geneval:all", "--detector", "mask2former", "--dry-run")

    def needed(*more: str) -> list[str]:
        told = json.loads(spatialbench(*plan, *more, "--format", "json").out)["needs"]
        return [one["what"] for one in told]

    clip = "the weights of openai/clip-vit-large-patch14, which names colours"
    assert clip in needed("--only", "colors")
    assert clip in needed("--only", "counting,color_attr")
    assert clip not in needed("--only", "counting,position")
    # Given again, the option adds.
    assert clip in needed("--only", "colors", "--only", "position")
    outcome = spatialbench(*plan[:-1], "--only", "colors", "--offline")
    refused(outcome, tmp_path, "spatialbench fetch geneval")


def test_names_that_a_detector_has_no_class_for(spatialbench: Command, tmp_path: Path) -> None:
    outcome = spatialbench("run", *SQUARES, "--detector", "mask2former")
    refused(outcome, tmp_path, "unknown object of mask2former 'blue square")


def test_names_outside_a_vocabulary(spatialbench: Command, tmp_path: Path) -> None:
    outcome = spatialbench("run", *SQUARES, "--detector", "lab-owlvit")
    refused(outcome, tmp_path, "lab-owlvit has no word for the object 'blue square'")


def test_a_rule_of_other_prompts(spatialbench: Command, tmp_path: Path) -> None:
    outcome = spatialbench("run", *SQUARES, "--rule", "nothing")
    refused(outcome, tmp_path, "unknown rule of squares 'nothing'")
    outcome = spatialbench("run", *SQUARES, "--threshold", "1.5")
    refused(outcome, tmp_path, "1.5")


def test_guides(spatialbench: Command, tmp_path: Path) -> None:
    guides = tmp_path.parent / "guides"
    guides.mkdir()
    Image.new("RGB", (64, 64)).save(guides / "another.png")
    given = ("--method", "revision", "--bench", "visor", "--limit", "2", "--set")
    refused(spatialbench("run", *given, f"guides={guides}"), tmp_path, "no guide for prompt")
    refused(spatialbench("run", *given, "guides=nowhere"), tmp_path, "no folder of guides")


def test_a_lora_that_is_not_there(spatialbench: Command, tmp_path: Path) -> None:
    given = ("run", "--method", "lora", "--bench", "visor", "--limit", "2", "--set")
    refused(spatialbench(*given, "lora=nowhere.safetensors"), tmp_path, "nowhere.safetensors")


def test_disk(spatialbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    # 4 images of 64 x 64 x 1.6 bytes and a record of 1,500 each, rounded.
    for free, fits in ((32_215, False), (32_216, True)):
        monkeypatch.setattr(shutil, "disk_usage", lambda path, n=free: usage(10**9, 0, n))
        outcome = spatialbench("run", *SQUARES)
        if fits:
            assert outcome.status == 0
        else:
            refused(outcome, tmp_path, "4 images need about 32.2 kB of disk", "free some space")


def test_permission(spatialbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    access: Callable[..., bool] = os.access
    closed = tmp_path / "closed"
    monkeypatch.setattr(os, "access", lambda path, mode: path != closed and access(path, mode))
    closed.mkdir()
    outcome = spatialbench("run", *SQUARES, "--out", closed / "deep" / "run")
    assert outcome.status == 2
    assert f"no permission to write to {closed}" in outcome.err
    (closed / "file").write_text("")
    outcome = spatialbench("run", *SQUARES, "--out", closed / "file" / "run")
    assert outcome.status == 2
    assert f"{closed}/file is a file, where a folder is needed" in outcome.err
    assert [path.name for path in tmp_path.rglob("*")] == ["closed", "file"]


def test_packages(spatialbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = tmp_path.parent / "yolo.pt"
    weights.write_bytes(b"weights")
    monkeypatch.setattr("spatialbench.detectors.yolo.plugin.find_spec", lambda name: None)
    outcome = spatialbench("run", *SQUARES, "--detector", f"yolo:{weights}")
    refused(outcome, tmp_path, 'pip install "spatialbench[yolo]"')


def test_a_finished_run_needs_nothing_any_more(spatialbench: Command, monkeypatch: Any) -> None:
    from coloured_squares.blobs import ColourBlobs
    from coloured_squares.painter import Painter

    first = spatialbench("run", *SQUARES)
    assert first.status == 0
    lacking = Requirement("paint", "there is no paint.")
    for owner in (Painter, ColourBlobs):
        monkeypatch.setattr(owner, "requirements", lambda self, asked: [lacking], raising=False)
    assert spatialbench("run", *SQUARES).out == first.out
    outcome = spatialbench("run", *SQUARES, "--images-per-prompt", "3")
    assert outcome.status == 2
    assert "there is no paint" in outcome.err


def test_a_plan_lists_what_is_needed(spatialbench: Command, tmp_path: Path) -> None:
    plan = ("run", *VISOR, "--detector", "owlvit", "--dry-run", "--offline")
    told = json.loads(spatialbench(*plan, "--format", "json").out)["needs"]
    states = {one["what"]: one["state"] for one in told}
    assert states["the weights of lab"] == "here"
    assert states["the weights of owlvit"] == "missing"
    table = spatialbench(*plan)
    assert table.status == 0
    assert "MISSING: google/owlvit-base-patch32@" in table.out
    online = spatialbench(*plan[:-1], "--format", "json")
    assert "to be fetched" in online.out
    assert list(tmp_path.iterdir()) == []


def test_what_chose_the_images_does_not_score_them(spatialbench: Command, tmp_path: Path) -> None:
    """Before the first image; images that are there get a mark instead."""
    best = ("--method", "best-of-n", "--set", "n=2", "--bench", "visor", "--limit", "2")
    lab = (*best, "--steps", "2", "--images-per-prompt", "1")
    outcome = spatialbench("run", *lab, "--set", "judge=lab-owlvit")
    last = refused(outcome, tmp_path, "lab-owlvit", "give another --detector", "--set judge=")
    outcome = spatialbench(*last.rpartition("type 'spatialbench ")[2].partition("'")[0].split())
    assert outcome.status == 0, outcome.err
    (run,) = (tmp_path / "runs" / "visor").glob("best-of-n@lab/*")
    outcome = spatialbench("detect", run, "--detector", "lab-owlvit")
    assert outcome.status == 0, outcome.err
    scored = spatialbench("score", run, "--threshold", "0.01")
    assert "best-of-n [j] on lab" in scored.out
    assert "2 images made per image" not in scored.out
    other = spatialbench("run", *lab, "--set", "judge=lab-templates", "--threshold", "0.01")
    assert other.status == 0, other.err
    assert "[j]" not in other.out
    assert "2 images made per image" in other.out
