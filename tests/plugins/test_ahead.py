"""Preparing images ahead."""

from __future__ import annotations

import pickle

import pytest
from PIL import Image

from spatialbench.plugins.ahead import Ahead


def plain(image: Image.Image) -> str:
    return f"{image.width}"


def test_what_was_prepared_is_taken_once_and_by_the_object_itself() -> None:
    calls: list[int] = []

    def prepare(image: Image.Image) -> int:
        calls.append(image.width)
        return len(calls)

    ahead = Ahead(prepare)
    image = Image.new("RGB", (3, 3))
    ahead.begin(image)
    assert [ahead.of(image), ahead.of(image.copy()), ahead.of(image)] == [1, 2, 3]


def test_it_lives_no_longer_than_its_image() -> None:
    ahead = Ahead(plain)
    for side in range(1, 9):
        ahead.begin(Image.new("RGB", (side, 1)))
    assert not ahead._there


def test_what_fails_is_told_to_who_asks() -> None:
    def broken(image: Image.Image) -> None:
        raise ValueError("no image")

    with pytest.raises(ValueError, match="no image"):
        Ahead(broken).begin(Image.new("RGB", (1, 1)))


def test_it_is_picklable_before_anything_is_prepared() -> None:
    image = Image.new("RGB", (5, 1))
    assert pickle.loads(pickle.dumps(Ahead(plain))).of(image) == "5"
