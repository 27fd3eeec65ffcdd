"""A method has no image for a request: that is missing, with the reason, and never blank."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from spatialbench.errors import UserError
from spatialbench.executors.local import LocalExecutor
from spatialbench.plugins import ImageRequest, Json, NoImage
from spatialbench.prompts import Key
from spatialbench.runs.manifest import read_manifest
from spatialbench.runs.status import status
from spatialbench.stages.calibrate import calibrate
from spatialbench.stages.generate import generate
from spatialbench.stages.looker import Look
from spatialbench.stages.whole import run_all
from tests.stages.fakes import Finder, Log, Painter, Shapes, open_shapes, snapshot, work

REFUSED = NoImage("refused: not for children")
FAILED = NoImage("the server answered 500", refused=False)


@dataclass
class Choosy(Painter):
    """Has no image of some keys, and remembers what it was asked for."""

    none: Mapping[Key, NoImage] = field(default_factory=dict)
    asked: list[Key] = field(default_factory=list)

    def generate(self, requests: Sequence[ImageRequest]) -> list[Any]:
        keys = [(r.prompt.id, r.index) for r in requests]
        self.asked += keys
        images = super().generate(requests)
        return [self.none.get(key, image) for key, image in zip(keys, images, strict=True)]


@dataclass
class Served(Choosy):
    """The same, one by one; it stops after so many images."""

    stops_after: int = 1000
    found: list[int] = field(default_factory=list)
    one_by_one = True
    served = True

    def identity(self) -> Json:
        return super().identity()

    def stream(self, requests: Sequence[ImageRequest]) -> Iterator[tuple[int, Image.Image]]:
        # From the last to the first, as servers please.
        for place in reversed(range(len(requests))):
            if len(self.asked) == self.stops_after:
                raise UserError("the account is empty: fill it.")
            yield place, self.generate([requests[place]])[0]

    def found_out(self, known: Sequence[Mapping[str, str]]) -> Mapping[str, str]:
        self.found.append(len(known))
        return {"seeds": "honoured", "said": "seeds are honoured"}


def test_a_refused_image_is_missing_and_not_asked_for_again(tmp_path: Path) -> None:
    run_all(open_shapes(tmp_path / "whole"), work(), Log())
    folder, log = tmp_path / "run", Log()
    summary = run_all(open_shapes(folder), work(Choosy(none={("5", 0): REFUSED})), log)
    assert summary is not None
    assert (summary.images, summary.images_expected, summary.partial) == (23, 24, True)
    told = "generate gave up 1 image(s), 5/0: refused: not for children"
    assert log.notices == [f"{told}; the rest goes on."]
    assert not open_shapes(folder).directory.image_path("5", 0).exists()
    found = status(open_shapes(folder))
    assert (found.refused, found.given_up, found.partial) == (1, [told], True)
    assert found.next.startswith("to ask again for the 1 refused: ")
    assert found.next.endswith(" --retry-refused")
    before = snapshot(folder)
    again, log = Choosy(), Log()
    run_all(open_shapes(folder), work(again), log)
    assert (again.asked, again.loads) == ([], 0)
    assert log.notices == [f"{told}; not asked for again (--retry-refused does that)."]
    assert log.begun[0] == ("generate", 23, 24)
    assert snapshot(folder) == before
    run_all(open_shapes(folder), replace(work(again), retry_refused=True), Log())
    assert ("5", 0) in again.asked
    assert status(open_shapes(folder)).refused == 0
    assert snapshot(folder) == snapshot(tmp_path / "whole")


def test_what_only_failed_is_asked_for_again_and_what_was_refused_stays(tmp_path: Path) -> None:
    none = {("5", 0): REFUSED, ("5", 1): FAILED, ("0", 0): FAILED}
    run_all(open_shapes(tmp_path), work(Choosy(none=none)), Log())
    assert sorted(status(open_shapes(tmp_path)).given_up, reverse=True) == [
        "generate gave up 2 image(s), 0/0, 5/1: the server answered 500",
        "generate gave up 1 image(s), 5/0: refused: not for children",
    ]
    again = Choosy(none={("5", 1): FAILED})
    run_all(open_shapes(tmp_path), work(again), Log())
    assert {("5", 1), ("0", 0)} <= set(again.asked)
    assert sorted(status(open_shapes(tmp_path)).given_up) == [
        "generate gave up 1 image(s), 5/0: refused: not for children",
        "generate gave up 1 image(s), 5/1: the server answered 500",
    ]


@pytest.mark.parametrize(("none", "kept"), [(REFUSED, True), (FAILED, False)])
def test_without_any_image_the_command_ends(tmp_path: Path, none: NoImage, kept: bool) -> None:
    keys = open_shapes(tmp_path).expected.keys()
    painter = Choosy(none=dict.fromkeys(keys, none))
    with pytest.raises(UserError, match=r"there is no image at all: generate gave up 24 image"):
        run_all(open_shapes(tmp_path), work(painter), Log())
    assert status(open_shapes(tmp_path)).refused == (24 if kept else 0)
    again = Choosy()
    if kept:
        with pytest.raises(UserError, match=r"no image at all.*refused: not for children\.$"):
            run_all(open_shapes(tmp_path), work(again), Log())
    else:
        run_all(open_shapes(tmp_path), work(again), Log())
    assert bool(again.asked) is not kept


def test_no_reason_is_refused(tmp_path: Path) -> None:
    painter = Choosy(none={("5", 0): NoImage(" ")})
    with pytest.raises(UserError, match="the method painter returned for the image 5/0 no image"):
        run_all(open_shapes(tmp_path), work(painter), Log())


def test_what_a_server_made_is_kept_when_it_stops(tmp_path: Path) -> None:
    run_all(open_shapes(tmp_path / "whole", painter=Served()), work(Served()), Log())
    server = Served(stops_after=6, none={("0", 0): REFUSED})
    run = open_shapes(tmp_path / "run", painter=server)
    log = Log()
    keys = run.expected.keys()
    with pytest.raises(UserError, match="the account is empty"):
        generate(run, server, 4, LocalExecutor(), log)
    made = [key for key in server.asked if key not in server.none]
    assert set(run.directory.finished_images(log.notice)) == set(made)
    assert server.asked == [*reversed(keys[:4]), *reversed(keys[6:8])]
    assert log.notices[0] == "seeds are honoured"
    assert [m.server for m in read_manifest(run.path).machines if m.server] == [
        {"seeds": "honoured"}
    ]
    rest = Served()
    generate(run, rest, 4, LocalExecutor(), log, retry_refused=True)
    assert set(rest.asked) == set(keys) - set(made)
    assert len(rest.asked) == len(keys) - len(made)
    assert (server.found, rest.found) == ([0], [1])
    run_all(open_shapes(tmp_path / "run", painter=Served()), work(Served()), log)
    assert snapshot(tmp_path / "run") == snapshot(tmp_path / "whole")
    assert status(open_shapes(tmp_path / "run", painter=Served())).server == {"seeds": "honoured"}


def test_a_server_is_asked_nothing_for_an_estimate(tmp_path: Path) -> None:
    run, server = open_shapes(tmp_path), Served()
    look = Look.for_boxes(Finder(), Shapes())
    with pytest.raises(UserError, match="leave --calibrate out"):
        calibrate(run.expected, server, [look], 4)
    assert server.asked == []
