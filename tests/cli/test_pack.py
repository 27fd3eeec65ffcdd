"""``run --pack``, ``pack`` and ``unpack``: every verb reads a packed run as one in files."""

from __future__ import annotations

import json
import re
import shutil
import sys
import tarfile
from pathlib import Path

import pytest

from spatialbench import load_run
from spatialbench.api import quality
from spatialbench.cli import _VERBS
from spatialbench.stages.quality.networks import CLIP, INCEPTION
from tests.exchange.trackers.doubles import Wandb
from tests.stages.fakes import snapshot
from tests.stages.quality.means import Means

from .conftest import Command, Outcome
from .json_schemas import fits

RUN = ("run", "--method", "painter", "--bench", "squares", "--limit", "3")


@pytest.fixture
def both(spatialbench: Command) -> Command:
    """A run in files in ``plain``, and the same, packed as it was made, in ``packed``."""
    for name, more in (("plain", ()), ("packed", ("--pack",))):
        made = spatialbench(*RUN, "--out", name, *more)
        assert made.status == 0, made.err
        Path(name, "timing.jsonl").unlink()
    return spatialbench


def same(command: Command, *arguments: object) -> Outcome:
    """The command on the packed run, having said what it says on the other one."""
    said = []
    for name in ("plain", "packed"):
        outcome = command(*(str(word).replace("RUN", name) for word in arguments))
        assert outcome.status == 0, outcome.err
        said.append(outcome.out.replace(name, "RUN"))
    assert said[0] == said[1]
    return outcome


def test_the_files_are_the_same_but_for_the_images(both: Command) -> None:
    assert not Path("packed/images").exists()
    assert snapshot(Path("packed")) == snapshot(Path("plain"))
    manifests = [
        json.loads(Path(name, "manifest.json").read_text()) for name in ("plain", "packed")
    ]
    assert manifests[0]["identity"] == manifests[1]["identity"]
    (tar,) = Path("packed/packs").glob("*.tar")
    with tarfile.open(tar) as opened:
        assert len(opened.getnames()) == 6
    lines = tar.with_suffix(".index.jsonl").read_text().splitlines()
    assert len({fits("pack-index.jsonl", json.loads(line))["offset"] for line in lines}) == 6
    assert "--pack" in manifests[1]["command"]


EVERY = (
    ("status", "run", "--format", "json"),
    ("score", "run", "--format", "json"),
    ("leaderboard", "run"),
    ("compare", "run", "../one/run", "--resamples", "100", "--flips", "9"),
    ("compare", "run", "../one/run", "--sequential"),
    ("power", "run"),
    ("gate", "run", "--write", "gate.json"),
    (*RUN, "--out", "run"),
    (*RUN, "--out", "run", "--pack"),
    ("generate", *RUN[1:], "--out", "run"),
    ("detect", "run"),
    (*RUN, "--rule", "asked", "--judge", "pixel-judge", "--out", "run"),
    (
        *("agree", "run", "--between", "colour-blobs", "pixel-judge", "--resamples", "100"),
        *("--rule", "centre", "--rule", "asked", "--flips", "3", "--gallery", "disagreements"),
    ),
    ("detectors", "agree", "run", "colour-blobs", "colour-blobs"),
    ("score", "run", "--rule", "far-apart"),
    ("quality", "run", "--reference", "run"),
    ("quality", "run", "--reference", "../one/run"),
    ("leaderboard", "run", "--quality"),
    ("gallery", "run", "--out", "gallery"),
    ("site", "run", "--out", "site", "--no-sweep"),
    ("export", "run", "--layout", "detections", "--out", "boxes.jsonl"),
    ("push", "run", "me/mine", "--dry-run"),
    ("log", "run", "--to", "wandb", "--images", "4"),
    ("depth", "run", "--model", "ground-plane"),
    ("guidance", "run"),
    ("runs", "mv", "run", "moved"),
    ("runs", "name", "moved", "a name"),
    ("runs", "mv", "moved", "run"),
    (*RUN[:-1], "4", "--out", "run", "--pack"),
    (*RUN[:-1], "4", "--images-per-prompt", "3", "--out", "run"),
    ("runs", "diff", "run", "../one/run"),
)
"""Given where ``run`` lies in files, and where it lies in packs."""
_OF_TIME = re.compile(r"^(\w+: [\d,]+/[\d,]+ images|price: ).*\n?", re.MULTILINE)
"""Lines that tell how long something took, or that come every few seconds."""
OTHERS = {"pack", "unpack", "import", "reproduce", "esplora"}
READ_NO_RUN = {"serve", "list", "prompts", "tag", "fetch", "doctor", "extract", "lab"}


def test_every_verb_says_the_same(both: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {verb for verb, *_ in EVERY} | OTHERS | READ_NO_RUN == set(_VERBS)
    networks = [Means(INCEPTION), Means(CLIP)]
    monkeypatch.setattr(quality, "networks_for", lambda *_: networks)
    monkeypatch.setitem(sys.modules, "wandb", Wandb(Path("logged"), "online"))
    shutil.copytree("plain", "one/run")
    places = [Path(name).absolute() for name in ("in files", "in packs")]
    for place, made in zip(places, ("plain", "packed"), strict=True):
        place.mkdir()
        Path(made).rename(place / "run")
    for verb in EVERY:
        said = []
        for place in places:
            monkeypatch.chdir(place)
            outcome = both(*verb)
            told = (_OF_TIME.sub("", stream) for stream in (outcome.out, outcome.err))
            said.append((outcome.status, *told))
            for timing in Path().rglob("timing.jsonl"):
                timing.unlink()
        assert said[0] == said[1], verb
        assert said[0][0] == (2 if verb[0] in ("depth", "guidance") else 0), said[0]
        now = "moved" if Path("moved").exists() else "run"
        assert snapshot(places[0] / now) == snapshot(places[1] / now), verb
    assert (len(list(Path("run/images").rglob("*.png"))), len(load_run("run").images())) == (4, 12)


def test_they_are_looked_at_anew(both: Command) -> None:
    for name in ("plain", "packed"):
        shutil.rmtree(Path(name, "detections"))
    same(both, *RUN, "--out", "RUN")
    assert snapshot(Path("packed")) == snapshot(Path("plain"))


def test_the_gallery_holds_what_a_page_cannot_show(both: Command) -> None:
    same(both, "gallery", "RUN", "--out", "gallery-RUN")
    plain, packed = (Path(f"gallery-{name}/data/0.js").read_text() for name in ("plain", "packed"))
    assert plain.count("../plain/images/") == 6
    assert packed.count('"src":"data:image/png;base64,') == 6
    assert not list(Path("gallery-packed").rglob("*.png"))
    same(both, "gallery", "RUN", "--out", "copy-RUN", "--copy")
    copies = [
        {path.name: path.read_bytes() for path in Path(f"copy-{name}/images").rglob("*.png")}
        for name in ("plain", "packed")
    ]
    assert copies[0] == copies[1]
    assert len(copies[0]) == 6


def test_exports_are_the_same_and_come_back_packed(both: Command) -> None:
    for layout in ("id", "flat+csv", "hub"):
        same(both, "export", "RUN", "--layout", layout, "--out", f"{layout}-RUN")
        files = [
            {
                str(path.relative_to(f"{layout}-{name}")): path.read_bytes()
                for path in Path(f"{layout}-{name}").rglob("*.png")
            }
            for name in ("plain", "packed")
        ]
        assert files[0] == files[1] != {}
    arguments = (
        "--bench",
        "squares",
        "--limit",
        "3",
        "--name",
        "other",
        "--layout",
        "id",
        "--score",
    )
    for out, more in (("in-files", ()), ("in-packs", ("--pack",))):
        found = both("import", "id-packed", *arguments, "--out", out, *more)
        assert found.status == 0, found.err
    assert snapshot(Path("in-files")) == snapshot(Path("in-packs"))
    assert not Path("in-packs/images").exists()
    refused = both("import", "x.jsonl", *arguments[:-3], "--layout", "detections", "--pack")
    assert refused.status == 2
    assert "--pack is for images" in refused.err


@pytest.mark.parametrize("begun", [True, False])
def test_a_run_goes_on_the_other_way(spatialbench: Command, *, begun: bool) -> None:
    ways = ((), ("--pack",))
    spatialbench("run", *RUN[1:], "--out", "whole")
    shorter = (*RUN[:-1], "1")
    assert spatialbench(*shorter, "--out", "mixed", *ways[begun]).status == 0
    assert spatialbench(*RUN, "--out", "mixed", *ways[not begun]).status == 0
    assert len(list(Path("mixed/images").rglob("*.png"))) in (2, 4)
    assert snapshot(Path("mixed")) == snapshot(Path("whole"))
    verbs = ("pack", "unpack", "unpack", "pack")
    for verb in verbs:
        done = spatialbench(verb, "mixed")
        assert (done.status, done.out) == (0, "mixed\n")
        assert Path("mixed/packs").exists() == (verb == "pack")
        assert Path("mixed/images").exists() == (verb == "unpack")
        assert snapshot(Path("mixed")) == snapshot(Path("whole"))


def test_shards_write_a_pack_each(both: Command) -> None:
    for number in (1, 2):
        options = ("--batch-size", "2", "--shard", f"{number}/2", "--pack", "--out", "shards")
        assert both(*RUN, *options).status == 0
    assert len(list(Path("shards/packs").glob("*.tar"))) == 2
    assert both(*RUN, "--batch-size", "2", "--pack", "--out", "shards").status == 0
    assert both(*RUN, "--batch-size", "2", "--out", "alone").status == 0
    assert snapshot(Path("shards")) == snapshot(Path("alone"))


def test_a_damaged_pack_costs_what_is_damaged(both: Command) -> None:
    (tar,) = Path("packed/packs").glob("*.tar")
    content = tar.read_bytes()
    with tarfile.open(tar) as opened:
        last = opened.getmembers()[-1]
    tar.write_bytes(content[: last.offset + 700])
    found = both("status", "packed")
    assert f"an entry at byte {last.offset:,} was cut by an interruption" in found.err
    assert "5/6" in found.out
    made = both(*RUN, "--out", "packed", "--pack")
    assert made.status == 0, made.err
    assert "generate: 5/6 images" in made.err
    assert snapshot(Path("packed")) == snapshot(Path("plain"))
    assert "cut by" not in both("status", "packed").err


def test_from_python(both: Command) -> None:
    plain, packed = load_run("plain"), load_run("packed")
    images = packed.images()
    assert list(images) == list(plain.images())
    for key, path in plain.images().items():
        assert images[key].read_bytes() == path.read_bytes()
        assert images[key].parts[-3:] == path.parts[-3:]
    with pytest.raises(KeyError):
        images["nowhere", 0]


def test_an_older_gallery_is_named_if_it_shows_files(both: Command) -> None:
    both("gallery", "plain")
    assert "type 'spatialbench gallery plain' again" in both("pack", "plain").err
    both("gallery", "plain")
    both("unpack", "plain")
    assert "gallery" not in both("pack", "plain").err
