"""A training set from photographs: pairs that are known, filters by hand, and bad folders."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from spatialbench.backbones.sampling import resolve_sampling
from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.lab.captions import held_out
from spatialbench.lora_training.extract import Extraction, extract
from spatialbench.lora_training.kept_set import KeptSet, read_kept
from spatialbench.lora_training.lora_settings import LoraSettings
from spatialbench.lora_training.photograph_pairs import (
    FAR,
    HELD_OUT,
    LITTLE,
    NO_RELATION,
    OVERLAP,
    REASONS,
    SIZES,
    TOO_SMALL,
    PairFilter,
    pairs_of,
)
from spatialbench.lora_training.photographs import Photographs
from spatialbench.lora_training.training import LORA, train_lora
from spatialbench.methods.lora.lora_file import find_lora
from spatialbench.plugins import Detector, GenerationSettings
from spatialbench.plugins.requirements import Requirement, required
from spatialbench.relations import Relation, find_relations
from spatialbench.runs.progress import Silent
from spatialbench.scoring.rules.constraints import Constraint
from spatialbench.stages.depth_model import DepthModel
from tests.cli.json_schemas import fits
from tests.methods.lora.lora_files import small_unet
from tests.tiny_models import save_pipeline, tiny_sd

COLOURS = {"dog": (255, 0, 0), "cat": (0, 255, 0), "horse": (0, 0, 255)}
Box = tuple[int, int, int, int]


class Colours(Detector):
    """It finds the one rectangle of each colour; counts how often it looked."""

    def __init__(self) -> None:
        self.looks = 0

    def identity(self) -> dict[str, str]:
        return {"detector": "colours"}

    def signature(self) -> str:
        return "colours@1"

    def load(self) -> None: ...

    def requirements(self, names: Collection[str]) -> list[Requirement]:
        def known() -> None:
            if others := sorted(set(names) - COLOURS.keys()):
                raise UserError(f"colours has no {others[0]}.")

        return [required("its colours", known)]

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        self.looks += len(images)
        return [self._find(image, names) for image, names in zip(images, labels, strict=True)]

    def _find(self, image: Image.Image, names: Sequence[str]) -> Detections:
        pixels = np.asarray(image).astype(int)
        boxes, found = [], []
        for name in names:
            y, x = np.nonzero((np.abs(pixels - COLOURS[name]) < 40).all(axis=2))
            if len(x):
                boxes.append([x.min(), y.min(), x.max() + 1, y.max() + 1])
                found.append(name)
        return Detections.build(boxes, [0.9] * len(boxes), found, image.width, image.height)


class Columns(DepthModel):
    """The further right, the nearer."""

    def identity(self) -> dict[str, Any]:
        return {"class": "columns"}

    def signature(self) -> str:
        return "columns@1"

    def estimate(self, images: Sequence[Image.Image]) -> list[npt.NDArray[np.float32]]:
        ramp = [np.arange(one.width, dtype=np.float32) for one in images]
        return [np.tile(row, (one.height, 1)) for row, one in zip(ramp, images, strict=True)]


def draw(path: Path, **boxes: Box) -> None:
    image = Image.new("RGB", (200, 200), (120, 120, 120))
    for name, box in boxes.items():
        image.paste(COLOURS[name], box)
    image.save(path, quality=95)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dog left of a cat, a horse above a cat, and one animal alone; one of them twice."""
    place = tmp_path / "photographs"
    (place / "deeper").mkdir(parents=True)
    draw(place / "left.png", dog=(10, 60, 90, 140), cat=(110, 60, 190, 140))
    draw(place / "deeper" / "above.JPG".lower(), horse=(60, 10, 140, 90), cat=(60, 110, 140, 190))
    draw(place / "alone.png", dog=(10, 10, 190, 190))
    (place / "again.png").write_bytes((place / "left.png").read_bytes())
    (place / "notes.txt").write_text("no photograph")
    return place


def asked(folder: Path, out: Path, depth: bool = False, **more: Any) -> Extraction:
    source = Photographs(
        folder, out, (100, 100), tuple(COLOURS), Colours(), Columns() if depth else None, Silent()
    )
    plain = Extraction(source, 0.3, PairFilter(side=16), Constraint(), 0)
    return replace(plain, **more)


def said(kept: KeptSet) -> dict[tuple[str, ...], str]:
    return {tuple(one.record["relations"][0]): one.text for one in kept.images}


LEFT = {("dog", "left", "cat"), ("cat", "right", "dog")}
ABOVE = {("horse", "above", "cat"), ("cat", "below", "horse")}


def test_known_pairs(folder: Path, tmp_path: Path) -> None:
    assert not held_out("dog", "cat")
    assert not held_out("horse", "cat")
    kept, table = extract(asked(folder, tmp_path / "set"))
    found = said(kept)
    assert len(found) == 2
    assert len(found.keys() & LEFT) == 1
    assert len(found.keys() & ABOVE) == 1
    for (a, relation, b), text in found.items():
        assert [match.relation.value for match in find_relations(text)] == [relation]
        assert text.index(a) < text.index(b)
    assert kept.description["photographs"] == 3
    assert kept.description["repeated"] == 1
    assert kept.description["photographs without a pair"] == 1
    assert kept.description["unreadable"] == 0
    by = {tuple(one.record["relations"][0]): one.record for one in kept.images}
    left = next(by[one] for one in by if one in LEFT)
    # The photograph of 200 pixels is an image of 100: boxes are in its pixels.
    boxes = dict(zip(left["objects"], left["boxes"], strict=True))
    assert np.allclose(boxes["dog"], [5, 30, 45, 70], atol=1)
    assert np.allclose(boxes["cat"], [55, 30, 95, 70], atol=1)
    for one in kept.images:
        assert Image.open(kept.folder / one.file).size == (100, 100)
    assert ["all", "2"] in [list(map(str, row)) for row in table.rows]


def test_the_same_command_continues_and_gives_the_same(folder: Path, tmp_path: Path) -> None:
    first = asked(folder, tmp_path / "set")
    kept, _ = extract(first)
    files = {
        path.relative_to(tmp_path / "set"): path.read_bytes()
        for path in sorted((tmp_path / "set").rglob("*"))
        if path.is_file()
    }
    second = asked(folder, tmp_path / "set")
    assert extract(second)[0].digest == kept.digest
    for name, content in files.items():
        assert (tmp_path / "set" / name).read_bytes() == content
    looks = [one.photographs.detector for one in (first, second)]
    assert [one.looks for one in looks if isinstance(one, Colours)] == [3, 0]
    # One that was killed on the way has looked at some and goes on from there.
    other = asked(folder, tmp_path / "killed")
    begun = other.photographs.looked_at()
    next(begun)
    begun.close()
    rest = asked(folder, tmp_path / "killed")
    assert extract(rest)[0].digest == kept.digest
    assert isinstance(rest.photographs.detector, Colours)
    assert rest.photographs.detector.looks == 2
    assert (tmp_path / "killed" / "metadata.jsonl").read_bytes() == files[Path("metadata.jsonl")]
    # Another seed words it otherwise, and looks at nothing again.
    texts = {tuple(one.text for one in kept.images)}
    for seed in range(1, 4):
        again = asked(folder, tmp_path / "set", seed=seed)
        texts.add(tuple(one.text for one in extract(again)[0].images))
        assert isinstance(again.photographs.detector, Colours)
        assert again.photographs.detector.looks == 0
    assert len(texts) > 1


def test_other_settings_in_the_same_folder_are_refused(folder: Path, tmp_path: Path) -> None:
    plain = asked(folder, tmp_path / "set")
    extract(plain)
    other = replace(plain, photographs=replace(plain.photographs, size=(64, 64)))
    with pytest.raises(UserError, match=r"size: \[100,100\] -> \[64,64\]"):
        extract(other)


def test_depth(folder: Path, tmp_path: Path) -> None:
    """The right one is nearer; both may be said, and a seed chooses."""
    found: set[tuple[str, ...]] = set()
    for seed in range(12):
        kept, _ = extract(asked(folder, tmp_path / "set", depth=True, seed=seed))
        found |= said(kept).keys()
    front = {("cat", "in_front", "dog"), ("dog", "behind", "cat")}
    assert found & front
    assert found & LEFT
    assert found <= LEFT | ABOVE | front
    kept, _ = extract(asked(folder, tmp_path / "set", depth=True, seed=0))
    assert kept.description["depth"] == "columns@1"
    maps = list((tmp_path / "set").rglob("depth/*/*.png"))
    # Of the photograph with one animal none is made.
    assert len(maps) == 2


def corners(*values: float) -> npt.NDArray[np.float32]:
    return np.array(values, dtype=np.float32)


def boxes(a: Sequence[float], b: Sequence[float], score: float = 0.9) -> Detections:
    return Detections.build([a, b], [score, score], ["dog", "cat"], 100, 100)


@pytest.mark.parametrize(
    ("a", "b", "why"),
    [
        ((0, 0, 40, 40), (50, 0, 90, 40), None),
        # 31 x 33 is 1023 of the 1024 pixels of a square of 32.
        ((0, 0, 31, 33), (50, 0, 90, 40), TOO_SMALL),
        # Two of 32 x 31.25 are 2,000 pixels: exactly a fifth of the image.
        ((0, 0, 32, 32), (50, 0, 82, 32), None),
        # The centres are 60 apart; the smaller diagonal is 32 * 1.41 = 45.25, twice that 90.5.
        ((0, 0, 32, 32), (0, 60, 32, 92), None),
        # 10 x 40 of 40 x 40 pixels are a quarter; 12 x 40 are 0.3, which is too much.
        ((0, 0, 40, 40), (30, 0, 70, 40), None),
        ((0, 0, 40, 40), (28, 0, 68, 40), OVERLAP),
        # 1,600 of 3,200 is a half, 1,600 of 3,280 is less.
        ((0, 0, 40, 40), (50, 0, 90, 80), None),
        ((0, 0, 40, 40), (50, 0, 90, 82), SIZES),
    ],
)
def test_scops_filters(a: Sequence[float], b: Sequence[float], why: str | None) -> None:
    first, second = corners(*a), corners(*b)
    assert PairFilter().refuses(first, second, 100, 100) == why
    assert PairFilter().refuses(second, first, 100, 100) == why


def test_the_other_filters() -> None:
    one, two = corners(0, 0, 40, 40), corners(50, 0, 90, 40)
    # Together 3,200 pixels: a fifth of 16,000.
    assert PairFilter().refuses(one, two, 160, 100) is None
    assert PairFilter().refuses(one, two, 161, 100) == LITTLE
    # The diagonal of 40 x 40 is 56.57, so that 113 apart is near and 114 is far.
    for apart, why in ((113, None), (114, FAR)):
        moved = two + corners(apart - 50, 0, apart - 50, 0)
        assert PairFilter().refuses(one, moved, 120, 100) == why
    with pytest.raises(UserError, match="--filter share=-1 is not a number from 0 on"):
        PairFilter.of({"share": -1})
    assert PairFilter.of({"share": 0.5}) == PairFilter(share=0.5)


def test_a_relation_must_hold_for_every_copy() -> None:
    counts: Counter[str] = Counter()
    left, right, third = [0, 0, 40, 40], [50, 0, 90, 40], [95, 50, 99, 54]
    plain = boxes(left, right)
    (pair,) = pairs_of(plain, 0.3, PairFilter(), counts)
    assert (pair.first, pair.second) == ("cat", "dog")
    assert pair.relations == (Relation.RIGHT,)
    copy = Detections.build([left, right, third], [0.9, 0.9, 0.5], ["dog", "cat", "dog"], 100, 100)
    # Beside the cat stands another dog: neither side may be said, and no height either.
    assert list(pairs_of(copy, 0.3, PairFilter(), counts)) == []
    assert counts == {NO_RELATION: 1}
    # Below the threshold it is not there, and over another box of its name it is that dog.
    assert len(list(pairs_of(copy, 0.6, PairFilter(), counts))) == 1
    twice = Detections.build(
        [left, right, [1, 0, 41, 40]], [0.9, 0.9, 0.5], ["dog", "cat", "dog"], 100, 100
    )
    assert len(list(pairs_of(twice, 0.3, PairFilter(), counts))) == 1


def test_pairs_of_the_evaluation_are_never_captioned() -> None:
    names = [f"thing{number}" for number in range(60)]
    a, b = next((x, y) for x in names for y in names if x < y and held_out(x, y))
    found = Detections.build([[0, 0, 40, 40], [50, 0, 90, 40]], [0.9, 0.9], [a, b], 100, 100)
    counts: Counter[str] = Counter()
    assert list(pairs_of(found, 0.3, PairFilter(), counts)) == []
    assert counts == {HELD_OUT: 1}


def test_bad_folders_are_told_with_counts(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a folder"):
        extract(asked(tmp_path / "nowhere", tmp_path / "set"))
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "notes.txt").write_text("x")
    with pytest.raises(UserError, match="has no photograph: 1 files, and none of them ends in"):
        extract(asked(bare, tmp_path / "set"))
    assert not (tmp_path / "set").exists()
    (bare / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    (bare / "empty.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"2 of 2 photographs cannot be read \(broken.jpg: .*empty"):
        extract(asked(bare, tmp_path / "set"))
    draw(bare / "alone.png", dog=(10, 10, 190, 190))
    with pytest.raises(UserError, match=r"none of the 1 photographs has a pair.*no two objects"):
        extract(asked(bare, tmp_path / "set"))
    draw(bare / "small.png", dog=(10, 10, 20, 20), cat=(100, 100, 110, 110))
    with pytest.raises(UserError, match=r"none of the 2 photographs.*box too small: 1"):
        extract(asked(bare, tmp_path / "set"))
    # Beside good ones, broken ones are counted and left out.
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    kept, _ = extract(asked(folder, tmp_path / "other"))
    assert kept.description["unreadable"] == 1
    unknown = asked(folder, tmp_path / "third")
    unknown = replace(unknown, photographs=replace(unknown.photographs, objects=("unicorn",)))
    with pytest.raises(UserError, match="colours has no unicorn"):
        extract(unknown)
    assert not (tmp_path / "third").exists()
    assert set(kept.description["refused pairs"]) == set(REASONS)


def test_the_set_may_lie_in_the_folder(folder: Path) -> None:
    kept, _ = extract(asked(folder, folder / "set"))
    assert extract(asked(folder, folder / "set"))[0].digest == kept.digest
    assert json.loads((folder / "set" / "dataset.json").read_text())["photographs"] == 3


def test_the_set_can_be_trained_on(folder: Path, tmp_path: Path) -> None:
    plain = asked(folder, tmp_path / "set", wanted=PairFilter(side=4))
    small = replace(plain, photographs=replace(plain.photographs, size=(32, 32)))
    kept, _ = extract(small)
    pipe = tiny_sd()
    pipe.register_modules(unet=small_unet())
    backbone = save_pipeline(pipe, tmp_path / "backbone")
    sampling = resolve_sampling(GenerationSettings(backbone=str(backbone)))
    lines: list[str] = []
    settings = LoraSettings(rank=2, steps=3, batch_size=2, seed=4, object_weight=2.0)
    made = train_lora(read_kept(kept.folder), sampling, settings, tmp_path / "lora", lines.append)
    assert made == tmp_path / "lora" / LORA
    find_lora(str(made))


def test_the_command(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from spatialbench.cli import main

    words = ["extract", folder, "--out", tmp_path / "set", "--objects", "dog, cat,horse"]
    named = ["--detector", f"{Path(__file__)}:Colours", "--width", "100", "--height", "100"]
    for options in ([], ["--filter", "side=10"]):
        assert main([*map(str, words), *named, *options]) == 0
        streams = capsys.readouterr()
        assert "2 captioned images" in streams.err
        assert "spatialbench esplora train" in streams.err
        assert "kept" in streams.out
    assert main([*map(str, words), *named, "--filter", "sides=10"]) == 2
    assert "side" in capsys.readouterr().err
    assert main([*map(str, words), *named, "--format", "json"]) == 0
    assert fits("extract", json.loads(capsys.readouterr().out))["photographs"] == 3
