"""Objects in a file of one's own: named on the command line, in shards and on Ray."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from .conftest import Command

FILE = """
from PIL import Image, ImageDraw

import palette
from coloured_squares.blobs import PLUGIN as BLOBS
from coloured_squares.painter import Painter, PainterPlugin


class Sloppy(PainterPlugin):
    name = "hasty"


def draw(prompt, seed):
    image = Image.new("RGB", (64, 64), palette.BACKGROUND)
    ImageDraw.Draw(image).rectangle((8, 8, 20, 20), fill=(220, 40, 40))
    return image


PLUGIN = Sloppy()
PAINTER = Painter(1.0)
NUMBER = 7
FINDER = BLOBS.configure(None, "cpu", True)
"""
OPTIONS = ("--bench", "squares", "--limit", "3", "--device", "cpu", "--out", "run")


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``mine/own.py`` and a module beside it that it imports."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "palette.py").write_text('BACKGROUND = "white"\n')
    (folder / "own.py").write_text(FILE)
    # What a command adds to it is gone after the test.
    monkeypatch.setattr(sys, "path", [*sys.path])
    return folder / "own.py"


@pytest.mark.parametrize(
    ("name", "options", "shown"),
    [
        ("draw", ("--name", "mine"), "squares: mine [u] on none"),
        ("PAINTER", (), "squares: painter on paint@0000001"),
        ("PLUGIN", ("--set", "skill=1"), "squares: painter on paint@0000001"),
        ("Sloppy", (), "squares: painter on paint@0000001"),
    ],
)
def test_whatever_makes_images_is_a_method(
    spatialbench: Command,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    options: tuple[str, ...],
    shown: str,
) -> None:
    monkeypatch.syspath_prepend(str(file.parent))
    for place in (f"mine/own.py:{name}", f"own:{name}"):
        outcome = spatialbench(
            "run", "--method", place, *options, *OPTIONS, "--detector", "mine/own.py:FINDER"
        )
        assert outcome.status == 0, outcome.err
        assert outcome.out.startswith(shown)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--method", "mine/own.py:draw"), "--name"),
        (("--method", "mine/own.py:drew"), "did you mean draw"),
        (("--method", "mine/own.py:NUMBER"), "a int cannot be evaluated"),
        (("--method", "mine/own.py"), "unknown method"),
        (("--method", "mine/none.py:draw"), "there is no file mine/none.py"),
        (("--method", "mine/own.py:draw", "--name", "m", "--steps", "3"), "a function has its own"),
        (("--method", "mine/own.py:draw", "--name", "m", "--set", "a=1"), "unknown parameter 'a'"),
        (
            ("--method", "painter", "--detector", "mine/own.py:FINDER:folder"),
            "has its weights already",
        ),
    ],
)
def test_what_cannot_be_is_told(
    spatialbench: Command, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    outcome = spatialbench("run", *arguments, *OPTIONS)
    assert outcome.status == 2
    assert said in outcome.err
    assert not (tmp_path / "run").exists()


def test_shards_and_ray_make_the_same_images(
    spatialbench: Command, plugin_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason='Ray is not installed: pip install "spatialbench[ray]"')
    method = ("--method", "mine/own.py:draw", "--name", "mine", "--bench", "squares")
    options = ("--limit", "6", "--batch-size", "4", "--device", "cpu", "--format", "json")
    # Of a package, unlike of a file, a worker has its own copy.
    monkeypatch.setenv("PYTHONPATH", str(plugin_package))
    detector = ("--detector", "mine/own.py:FINDER")
    whole = spatialbench("run", *method, *options, *detector, "--out", "whole")
    assert whole.status == 0
    for shard in ("1/2", "2/2"):
        spatialbench("run", *method, *options, *detector, "--out", "parts", "--shard", shard)
    assert spatialbench("run", *method, *options, *detector, "--out", "parts").out == whole.out
    ray = ("--executor", "ray", "--workers", "1")
    outcome = spatialbench("run", *method, *options, *detector, *ray, "--out", "rayed")
    assert outcome.status == 0, outcome.err
    assert outcome.out == whole.out
