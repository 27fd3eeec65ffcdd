"""Backbones of the Hub on the command line: named without a commit, planned, run, continued."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.hub_server import Hub

PLAN = ("run", "--bench", "visor", "--limit", "1", "--detector", "lab-owlvit", "--dry-run")
RUN = ("generate", "--bench", "visor", "--limit", "1", "--steps", "1", "--images-per-prompt", "1")
MODEL = ("--backbone", "org/model", "--method", "sd")


def manifests(folder: Path) -> list[dict[str, object]]:
    return [json.loads(path.read_text()) for path in sorted(folder.glob("runs/**/manifest.json"))]


def revisions(folder: Path) -> set[str]:
    found = set()
    for manifest in manifests(folder):
        identity = json.dumps(manifest["identity"])
        found |= set(re.findall(r'"revision": "([0-9a-f]{40})"', identity))
    return found


def test_the_newest_commit_is_printed_recorded_and_kept_by_the_run_it_began(
    hub: Hub, spatialbench: Command, sd_folder: Path, tmp_path: Path
) -> None:
    first = hub.put("org/model", sd_folder)
    begun = spatialbench(*RUN, *MODEL)
    assert begun.status == 0, begun.err
    assert f"org/model: the newest commit, {first}" in begun.err
    (manifest,) = manifests(tmp_path)
    assert manifest["resolved"] == "org/model"
    assert revisions(tmp_path) == {first}

    # The Hub moves on: the same command goes on with what it began.
    second = hub.put("org/model", sd_folder)
    hub.asked.clear()
    again = spatialbench(*RUN, *MODEL)
    assert again.status == 0, again.err
    assert f"the commit with which this run was begun, {first}" in again.err
    assert f"--backbone org/model@{second}" in again.err
    assert again.out == begun.out
    assert not hub.files_asked() or set(hub.files_asked()) <= {
        *("model_index.json", "unet/config.json", "vae/config.json"),
    }
    assert revisions(tmp_path) == {first}

    # Another command takes the newest.
    other = spatialbench(*PLAN, *MODEL, "--guidance-scale", "2")
    assert f"org/model: the newest commit, {second}" in other.err
    assert second in other.out

    # Pinned, it is the run that it was.
    pinned = spatialbench(*RUN, *MODEL, "--backbone", f"org/model@{first}")
    assert "the newest commit" not in pinned.err
    assert pinned.out == begun.out
    assert manifests(tmp_path)[0]["resolved"] == "org/model"
    hub.down = True
    offline = spatialbench(*RUN, *MODEL, "--offline")
    assert (offline.status, offline.out) == (0, begun.out)
    assert f"the commit in the cache, {first} (offline)" in offline.err


def test_a_run_with_a_folder_of_its_own_goes_on_too(
    hub: Hub, spatialbench: Command, sd_folder: Path, tmp_path: Path
) -> None:
    first = hub.put("org/model", sd_folder)
    assert spatialbench(*RUN, *MODEL, "--out", "mine").status == 0
    hub.put("org/model", sd_folder)
    again = spatialbench(*RUN, *MODEL, "--out", "mine")
    assert again.status == 0, again.err
    assert f"was begun, {first}" in again.err


def test_a_pinned_run_is_not_what_the_name_stands_for(
    hub: Hub, spatialbench: Command, sd_folder: Path, tmp_path: Path
) -> None:
    first = hub.put("org/model", sd_folder)
    second = hub.put("org/model", sd_folder)
    pinned = spatialbench(*RUN, "--method", "sd", "--backbone", f"org/model@{first}")
    assert pinned.status == 0, pinned.err
    assert "resolved" not in manifests(tmp_path)[0]
    newest = spatialbench(*PLAN, "--steps", "1", "--method", "sd", "--backbone", "org/model")
    assert f"org/model: the newest commit, {second}" in newest.err
    assert second in newest.out


def test_the_plan_lists_what_would_be_downloaded(
    hub: Hub, spatialbench: Command, sd_folder: Path, tmp_path: Path
) -> None:
    commit = hub.put("org/model", sd_folder)
    told = spatialbench(*PLAN, *MODEL, "--format", "json")
    assert told.status == 0, told.err
    plan = json.loads(told.out)
    sizes = {one["file"]: one["bytes"] for one in plan["downloads"]}
    there = {
        path.relative_to(sd_folder).as_posix(): path.stat().st_size
        for path in sd_folder.rglob("*")
        if path.is_file()
    }
    assert sizes == there
    assert set(hub.files_asked()) == {"model_index.json", "unet/config.json", "vae/config.json"}
    assert not (tmp_path / "hub").exists()
    assert not (tmp_path / "runs").exists()
    table = spatialbench(*PLAN, *MODEL).out
    assert f"{len(there)} files, about {sum(there.values()) / 1e6:.1f} MB" in table
    assert commit in table
    spatialbench("fetch", "org/model")
    fetched = spatialbench(*PLAN, *MODEL, "--format", "json")
    assert json.loads(fetched.out)["downloads"] == []


def test_the_plan_of_what_is_not_sampled_here_is_refused(
    hub: Hub, spatialbench: Command, sd_folder: Path, tmp_path: Path
) -> None:
    hub.put("org/model", {"model_index.json": b'{"_class_name": "FluxKontextInpaintPipeline"}'})
    refused = spatialbench(*PLAN, *MODEL)
    assert refused.status == 2
    assert "org/model holds a FluxKontextInpaintPipeline" in refused.err
    assert set(hub.files_asked()) == {"model_index.json"}
    for name, message in (
        ("org/nothing", "there is no repository org/nothing"),
        ("org/model@main", "'main' can move"),
    ):
        refused = spatialbench(*PLAN, "--method", "sd", "--backbone", name)
        assert (refused.status, refused.out) == (2, "")
        assert message in refused.err


def test_fetch_takes_the_newest_and_a_name_with_a_commit(
    hub: Hub, spatialbench: Command, sd_folder: Path, tmp_path: Path
) -> None:
    hub.put("org/model", sd_folder)
    newest = hub.put("org/model", sd_folder)
    fetched = spatialbench("fetch", "org/model")
    assert fetched.status == 0, fetched.err
    assert Path(fetched.out.strip()).name == newest
    assert f"org/model: the newest commit, {newest}" in fetched.err


@pytest.mark.parametrize("name", ["org/model", "qwen-image"])
def test_no_network_is_told_at_once(hub: Hub, spatialbench: Command, name: str) -> None:
    hub.down = True
    refused = spatialbench("run", "--method", "sd", "--bench", "visor", "--backbone", name)
    assert refused.status == 2
    assert "cannot be reached" in refused.err
    assert len(hub.asked) <= 3
