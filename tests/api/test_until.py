"""A run that stops by its own interval: where, with which bytes, and what is refused before it."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from spatialbench import UserError, evaluate
from spatialbench.api.run import Run
from spatialbench.api.until import seeds_for
from spatialbench.plugins import GenerationSettings, ImageRequest, MethodPlugin
from spatialbench.reports.marks import method_marks
from spatialbench.runs.manifest import read_manifest
from spatialbench.runs.signature import Signature

from ..stages.fakes import Finder, Log, Painter, Shapes, snapshot

WORLD = Shapes(count=700)


def _until(folder: Path, aim: str = "right±4", painter: Painter | None = None, **more: Any) -> Run:
    how = {"detector": Finder(), "out": folder, "batch_size": 8, "progress": Log(), **more}
    return evaluate(painter or Painter(), how.pop("bench", WORLD), until=aim, **how)


class _Torn(Painter):
    """Dies when it has made so many batches."""

    left = 40

    def generate(self, requests: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return super().generate(requests)


def test_it_stops_where_its_interval_is_narrow_enough(tmp_path: Path) -> None:
    log = Log()
    run = _until(tmp_path / "run", progress=log)
    low, high = run.metrics["right"].interval or (0.0, 100.0)
    assert (high - low) / 2 <= 4
    prompts = run.summary.prompts
    assert 100 < prompts < 700
    assert not run.summary.partial
    looks = [text for text in log.notices if text.startswith("look at")]
    assert len(looks) > 1
    assert looks[-1].startswith(f"look at {prompts} prompts, {2 * prompts} images: right ±")
    # So it was at the look before, and at no earlier two in a row.
    narrow = [float(text.rpartition("±")[2]) <= 4 for text in looks]
    assert narrow[-2:] == [True, True]
    assert not any(one and other for one, other in pairwise(narrow[:-1]))
    # It is written in the run, and stands in every table.
    assert read_manifest(run.path).until == "right+-4"
    assert Signature.parse(run.signature).until == "right+-4"
    assert "stopped" in method_marks(run.summary)
    assert "[i]" in run.table()
    said = run.summary.notes[0]
    assert re.match(r"stopped by its own interval: right ±\d\.\d\d with \d+ prompts, asked", said)
    # So many prompts at once are the same images and numbers.
    plain = evaluate(
        Painter(), WORLD, detector=Finder(), out=tmp_path / "plain", limit=prompts, progress=False
    )
    assert plain.metrics == run.metrics
    assert Signature.parse(plain.signature).until is None


class _Counted(MethodPlugin):
    """A painter, and how often one was asked for."""

    name = "counted"
    summary = "for a test"
    needs = ()
    _made = 0

    def configure(self, settings: GenerationSettings, parameters: Any) -> Painter:
        self._made += 1
        return Painter()


def test_the_method_is_made_once_for_all_looks(tmp_path: Path) -> None:
    log, counted = Log(), _Counted()
    how: dict[str, Any] = {"detector": Finder(), "batch_size": 8, "until": "right±4"}
    run = evaluate(counted, WORLD, out=tmp_path / "run", progress=log, **how)
    assert sum(text.startswith("look at") for text in log.notices) > 1
    assert counted._made == 1
    assert snapshot(run.path) == snapshot(_until(tmp_path / "plain").path)


def test_a_run_that_was_killed_stops_at_the_same_image_byte_for_byte(tmp_path: Path) -> None:
    whole = _until(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        _until(tmp_path / "torn", painter=_Torn())
    torn = _until(tmp_path / "torn")
    assert snapshot(torn.path) == snapshot(whole.path)
    assert torn.summary == whole.summary
    # The same command again makes nothing, and leaves the run as it is.
    before = snapshot(torn.path) | {"m": (torn.path / "manifest.json").read_bytes()}
    again = _until(tmp_path / "torn", painter=_Torn())
    assert again.summary.metrics == whole.summary.metrics
    assert snapshot(again.path) | {"m": (again.path / "manifest.json").read_bytes()} == before


def test_more_prompts_later_are_no_longer_stopped(tmp_path: Path) -> None:
    run = _until(tmp_path / "run", "right±6")
    more = evaluate(
        Painter(), WORLD, detector=Finder(), out=run.path, limit=600, progress=False, batch_size=8
    )
    assert Signature.parse(more.signature).until is None
    assert more.summary.prompts == 600


def test_where_all_prompts_are_not_enough_it_says_so(tmp_path: Path) -> None:
    """The images of a prompt are not alike here, so this can be asked for, but not met."""
    few = Shapes(count=120, images=2)
    run = _until(tmp_path / "run", "right±9", bench=few)
    assert run.summary.prompts in range(100, 121)
    aim = "right±6.2"
    hard = _until(tmp_path / "hard", aim, bench=Shapes(count=400, images=1), seeds="hashed")
    half = float(re.findall(r"right ±(\d+\.\d+)", hard.summary.notes[0])[0])
    assert (half <= 6.2) == hard.summary.notes[0].startswith("stopped")


@pytest.mark.parametrize(
    ("aim", "more", "said"),
    [
        ("wrong±1", {}, "unknown metric in --until 'wrong'"),
        ("right", {}, "is no aim"),
        ("right±1", {}, "narrower than all 700 prompts with 2 images each can give, which is"),
        ("right±3", {"limit": 150}, "give a larger --limit"),
        ("undefined±3", {}, "that metric is undefined here"),
    ],
)
def test_what_is_known_before_the_first_image(
    tmp_path: Path, aim: str, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError) as raised:
        _until(tmp_path / "run", aim, **more)
    assert said in str(raised.value)
    assert not (tmp_path / "run").exists()
    if "ask for" in str(raised.value):
        wider = re.findall(r"--until '([^']+)'", str(raised.value))[0]
        assert _until(tmp_path / "run", wider, **more).summary.images > 0


def test_one_image_per_prompt_has_hashed_seeds(tmp_path: Path) -> None:
    assert seeds_for(None, "OA±1", 1) == "hashed"
    assert seeds_for(None, None, 1) == "protocol"
    assert seeds_for(None, "OA±1", 4) == "protocol"
    assert seeds_for("hashed:7", "OA±1", 1) == "hashed:7"
    seeds: list[int] = []

    class Seen(Painter):
        def generate(self, requests: Any) -> Any:
            seeds.extend(request.seed for request in requests if isinstance(request, ImageRequest))
            return super().generate(requests)

    run = _until(
        tmp_path / "run", "right±8", painter=Seen(), bench=Shapes(400), images_per_prompt=1
    )
    assert len(set(seeds)) == run.summary.images
    with pytest.raises(UserError, match="every image the seed 42"):
        _until(
            *(tmp_path / "same", "right±8"),
            bench=Shapes(400),
            images_per_prompt=1,
            seeds="protocol",
        )
