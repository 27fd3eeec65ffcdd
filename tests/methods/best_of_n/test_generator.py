"""Best of N over a painter of known colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from PIL import Image

from spatialbench import plugins
from spatialbench.errors import UserError
from spatialbench.methods.best_of_n.chooser import Chooser, Score
from spatialbench.methods.best_of_n.generator import BestOfN, drawn
from spatialbench.plugins import GenerationSettings, ImageRequest, Method, NoImage
from spatialbench.prompts import Prompt

PLUGIN = plugins.load("method", "best-of-n")
REQUESTS = [
    ImageRequest(Prompt(str(i), f"a dog {i}", "t"), k, 42 + k) for i in (0, 1) for k in (0, 1)
]

SEED = 279242319050940488
"""Of the second image for seed 42: sha256(b"best-of-n\\0" b"42\\0" b"1"), its first 63 bits."""


class Painter(Method):
    """Colours by seed; what it was asked for is kept."""

    def __init__(self, refused: frozenset[int] = frozenset()) -> None:
        self.refused = refused
        self.batches: list[list[int]] = []

    def identity(self) -> dict[str, Any]:
        return {"method": "painter", "version": 3, "parameters": {"n": 1}, "steps": 5}

    def load(self) -> None:
        self.batches = []

    def generate(self, requests: Sequence[ImageRequest]) -> list[Any]:
        self.batches.append([one.seed for one in requests])
        return [
            NoImage("refused")
            if one.seed in self.refused
            else Image.new("RGB", (1, 1), (one.seed % 251, one.seed % 241, int(one.prompt.id)))
            for one in requests
        ]

    def costs(self) -> Sequence[Mapping[str, float]]:
        return [{"strokes": float(place)} for place in range(len(self.batches[-1]))]


class Redness(Chooser):
    """Likes red; refuses to be shown images of two prompts."""

    def __init__(self) -> None:
        self.model = plugins.load("detector", "lab-templates").configure(None, "cpu", True)

    def scores(self, prompt: Prompt, images: Sequence[Image.Image]) -> list[Score]:
        assert {_colour(image)[2] for image in images} == {int(prompt.id)}
        return [(float(_colour(image)[0]),) for image in images]


def _colour(image: Image.Image) -> tuple[int, int, int]:
    red, green, blue = image.tobytes()
    return red, green, blue


def made(n: int, requests: Sequence[ImageRequest], inner: Painter | None = None) -> list[Any]:
    method = BestOfN(inner or Painter(), Redness(), n)
    method.load()
    return method.generate(requests)


def test_the_best_of_each_request_is_kept() -> None:
    kept = made(5, REQUESTS)
    for request, image in zip(REQUESTS, kept, strict=True):
        reds = [drawn(request, place).seed % 251 for place in range(5)]
        assert _colour(image)[0] == max(reds)


def test_seeds_follow_from_the_request_and_meet_no_other() -> None:
    inner = Painter()
    made(4, REQUESTS, inner)
    assert inner.batches[0] == [one.seed for one in REQUESTS]
    assert [len(batch) for batch in inner.batches] == [4] * 4
    seeds = {seed for batch in inner.batches for seed in batch}
    # Two prompts share the protocol's seeds, as without it.
    assert len(seeds) == 2 * 4
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert drawn(REQUESTS[0], 1).seed == SEED


def test_a_request_is_decided_by_itself_alone() -> None:
    together = [image.tobytes() for image in made(3, REQUESTS)]
    alone = [made(3, [one])[0].tobytes() for one in REQUESTS]
    assert together == alone


def test_best_of_one_is_the_inner_methods_image() -> None:
    painter = Painter()
    painter.load()
    plain = [image.tobytes() for image in painter.generate(REQUESTS)]
    assert [image.tobytes() for image in made(1, REQUESTS)] == plain


def test_what_is_refused_is_left_out_and_only_nothing_is_none() -> None:
    (request,) = REQUESTS[:1]
    best = max(range(4), key=lambda place: drawn(request, place).seed % 251)
    without = frozenset({drawn(request, best).seed})
    (kept,) = made(4, [request], Painter(without))
    reds = [drawn(request, place).seed % 251 for place in range(4) if place != best]
    assert _colour(kept)[0] == max(reds)
    nothing = frozenset(drawn(request, place).seed for place in range(4))
    assert made(4, [request], Painter(nothing)) == [NoImage("refused")]


def test_costs_are_those_of_all_images() -> None:
    method = BestOfN(Painter(), Redness(), 3)
    method.load()
    method.generate(REQUESTS[:2])
    assert method.costs() == [
        {"images made": 3.0, "strokes": 0.0},
        {"images made": 3.0, "strokes": 3.0},
    ]


def test_the_identity_names_all_that_decides() -> None:
    method = BestOfN(Painter(), Redness(), 3)
    identity = method.identity()
    assert (identity["method"], identity["version"], identity["best_of"]) == ("best-of-n", 1, 3)
    assert identity["inner"] == {"name": "painter/3"}
    assert identity["parameters"] == {"n": 1}
    assert identity["steps"] == 5
    assert identity["chooser"]["name"] == method.chosen_by
    assert identity["chooser"]["model"]["detector"] == "lab-templates"


def test_settings_reach_the_inner_method() -> None:
    given = {"judge": "lab-templates", "method": "infsplign", "settings": "end=50%; alpha=2"}
    identity = PLUGIN.configure(GenerationSettings(), given).identity()
    assert identity["parameters"]["window"] == [0, 10]
    assert identity["parameters"]["alpha"] == 2.0
    own = PLUGIN.configure(GenerationSettings(), {**given, "settings": {"end": "50%", "alpha": 2}})
    assert own.identity() == identity
    inner = plugins.load("method", "infsplign")
    plain = inner.configure(GenerationSettings(), {"end": "50%", "alpha": 2})
    assert PLUGIN.steps_worth(identity) == pytest.approx(4 * inner.steps_worth(plain.identity()))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "give --set judge=NAME"),
        ({"judge": "lab-templates", "n": 0}, "n=0 is out of range: give a number from 1"),
        ({"judge": "lab-templates", "method": "best-of-n"}, "draws with itself"),
        ({"judge": "lab-templates", "method": "sdd"}, "unknown method 'sdd': did you mean sd"),
        ({"judge": "lab-templates", "settings": "alpha=1"}, "unknown parameter 'alpha'"),
        ({"judge": "lab-templates", "settings": "eta"}, "KEY=VALUE"),
        ({"judge": "lab-templates", "settings": 3}, "settings=3 are no parameters of sd"),
        ({"judge": "lab-templates:x"}, "lab-templates has no weights"),
    ],
)
def test_what_is_refused_says_what_to_give(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        PLUGIN.configure(GenerationSettings(), given)


def test_on_the_lab_the_first_image_is_that_of_the_inner_method() -> None:
    settings = GenerationSettings(steps=2)
    method = PLUGIN.configure(settings, {"judge": "lab-templates", "n": 1})
    method.load()
    plain = plugins.load("method", "sd").configure(settings, {})
    plain.load()
    requests = [
        ImageRequest(Prompt("1", "a dog to the left of a cat", "left", objects=("dog",)), 0, 42)
    ]
    assert method.generate(requests)[0].tobytes() == plain.generate(requests)[0].tobytes()
