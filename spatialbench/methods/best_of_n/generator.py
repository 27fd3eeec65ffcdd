"""Best of N as a method: draws with another one, looks, and keeps one image per request."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...errors import UserError
from ...plugins import (
    GenerationSettings,
    ImageRequest,
    Json,
    Method,
    NoImage,
    Requirement,
    load,
)
from ...plugins.members import configured
from ...plugins.parameters import assignments, read_parameters
from ...prompts import Prompt
from .chooser import Chooser, chooser_of, chosen
from .parameters import NAME, PARAMETERS

if TYPE_CHECKING:
    from PIL import Image

VERSION = 1
"""Raised whenever the same settings would give other pixels."""

MOST = 1000
IMAGES_MADE = "images made"


class BestOfN(Method):
    """Another method, how many of its images are made for one, and what chooses.

    The first of the n is the image that the inner method makes of the request; the others have
    seeds of their own, which follow from the request's. What is chosen depends on the images of one
    request alone.
    """

    def __init__(self, inner: Method, chooser: Chooser, n: int) -> None:
        self.inner = inner
        self.chooser = chooser
        self.n = n
        self._costs: Sequence[Mapping[str, float]] = ()

    @property
    def one_by_one(self) -> bool:
        """What the inner method says."""
        return self.inner.one_by_one

    @property
    def served(self) -> bool:
        """What the inner method says."""
        return self.inner.served

    @property
    def at_once(self) -> int:
        """What the inner method says."""
        return self.inner.at_once

    @property
    def own_batch_size(self) -> int | None:
        """What the inner method says."""
        return self.inner.own_batch_size

    @property
    def largest_batch(self) -> int | None:
        """What the inner method says."""
        return self.inner.largest_batch

    @property
    def chosen_by(self) -> str:
        """The chooser's signature."""
        return self.chooser.model.signature()

    def identity(self) -> Json:
        """The inner method's, with its name, n, and what chooses."""
        return self._around(self.inner.identity())

    def identity_for(self, prompts: Sequence[Prompt]) -> Json:
        """As :meth:`identity`, round what the inner method says for these prompts."""
        return self._around(self.inner.identity_for(prompts))

    def _around(self, inner: Json) -> Json:
        name = f"{inner.get('method')}/{inner.get('version', '?')}"
        return {
            **inner,
            "method": NAME,
            "version": VERSION,
            "best_of": self.n,
            "inner": {"name": name},
            "chooser": self.chooser.identity(),
        }

    @property
    def takes_kernels(self) -> bool:
        """What the inner method says."""
        return self.inner.takes_kernels

    def load(self) -> None:
        """Load the inner method and what chooses."""
        self.inner.load()
        self.chooser.model.load()

    def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image | NoImage]:
        """One image per request: the best of n that the inner method makes.

        Those of one round are made together, so that a batch needs no more memory than the inner
        method's own.
        """
        rounds = []
        spent: list[dict[str, float]] = [{IMAGES_MADE: float(self.n)} for _ in requests]
        for place in range(self.n):
            rounds.append(list(self.inner.generate([drawn(one, place) for one in requests])))
            for total, cost in zip(spent, self.inner.costs(), strict=False):
                for name, value in cost.items():
                    total[name] = total.get(name, 0.0) + value
        kept = []
        for request, images in zip(requests, zip(*rounds, strict=True), strict=True):
            there = [image for image in images if not isinstance(image, NoImage)]
            if len(there) < 2:
                kept.append(there[0] if there else images[0])
                continue
            kept.append(there[chosen(self.chooser.scores(request.prompt, there))])
        self._costs = spent
        return kept

    def costs(self) -> Sequence[Mapping[str, float]]:
        """How many images were made for each, and what these took together."""
        return self._costs

    def found_out(self, known: Sequence[Mapping[str, str]]) -> Mapping[str, str]:
        """What the inner method finds out."""
        return self.inner.found_out(known)

    def requirements(self, requests: Sequence[ImageRequest]) -> Sequence[Requirement]:
        """What the inner method and what chooses need."""
        prompts = list({one.prompt.id: one.prompt for one in requests}.values())
        return [*self.inner.requirements(requests), *self.chooser.requirements(prompts)]

    def about_prompts(self, prompts: Sequence[Prompt]) -> Sequence[str]:
        """What the inner method says, and how many images are made.

        Raises:
            UserError: a prompt that the inner method cannot take, or by which nothing is chosen.
        """
        for prompt in prompts:
            self.chooser.check(prompt)
        said = (
            f"{NAME}: {self.n} images are made for each one that is kept, and "
            f"{self.chosen_by} chooses"
        )
        return [*self.inner.about_prompts(prompts), said]

    def download(self) -> None:
        """Get what the inner method and what chooses take from the network."""
        self.inner.download()
        self.chooser.model.download()


def drawn(request: ImageRequest, place: int) -> ImageRequest:
    """The request of one of the n images; the first is the request itself.

    The others' seeds are hashes in [0, 2**63), so that they meet none of a benchmark's own.
    """
    if not place:
        return request
    text = "\0".join((NAME, str(request.seed), str(place)))
    digest = hashlib.sha256(text.encode()).digest()
    return replace(request, seed=int.from_bytes(digest[:8]) >> 1)


def configure(settings: GenerationSettings, parameters: Mapping[str, Any]) -> BestOfN:
    """Fix the settings; see ``BestOfNPlugin``.

    Raises:
        UserError: a parameter or value that is not taken, or nothing that chooses.
    """
    values = read_parameters(NAME, PARAMETERS, parameters)
    n, method = values["n"], values["method"]
    if not 1 <= n <= MOST:
        raise UserError(f"best-of-n: n={n} is out of range: give a number from 1 to {MOST:,}.")
    if method == NAME:
        raise UserError("best-of-n: method=best-of-n draws with itself: give a larger n instead.")
    plugin = load("method", method)
    own = _inner_parameters(method, values["settings"], plugin.parameters)
    chooser = chooser_of(values["judge"], settings.device, settings.offline)
    inner = configured(plugin, Method, settings, own)
    if inner.chosen_by is not None:
        raise UserError(f"best-of-n: {method} chooses among images itself: give another method.")
    return BestOfN(inner, chooser, n)


def _inner_parameters(method: str, given: Any, known: Mapping[str, Any]) -> Mapping[str, Any]:
    if given is None or isinstance(given, Mapping):
        return given or {}
    if not isinstance(given, str):
        raise UserError(
            f"best-of-n: settings={given!r} are no parameters of {method}: give them as "
            '--set "settings=KEY=VALUE;KEY=VALUE".'
        )
    return assignments([one.strip() for one in given.split(";") if one.strip()], known)
