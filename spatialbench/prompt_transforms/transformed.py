"""Any method with a prompt transform before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .. import plugins
from ..errors import UserError, blamed, unknown_name
from ..plugins import (
    ImageRequest,
    Json,
    Method,
    NoImage,
    Outcome,
    PromptTransform,
    Requirement,
    Rewriting,
)
from ..prompts import Prompt
from .given_texts import FILE, GivenTexts

if TYPE_CHECKING:
    from PIL import Image

IDENTITY_KEY = "prompt_transform"

NONE = "none"
"""What the identity of a run without a transform says."""


def transform_of(name: str) -> PromptTransform:
    """A transform by its name or its signature (``tore`` or ``tore/1``).

    Raises:
        UserError: an unknown name, with near matches; a version that is not installed.
    """
    known = plugins.names("prompt transform")
    word, slash, _ = name.partition("/")
    if word not in known:
        raise unknown_name("prompt transform", name, [NONE, *known])
    found = plugins.load("prompt transform", word)
    if slash and name != found.signature:
        raise UserError(
            f"the prompt transform {name} is not installed: {found.signature} is, so give "
            f"--prompt-transform {word} and another --out for new images."
        )
    return found


def is_other_version(signature: str, other: str) -> bool:
    """Whether two signatures are of one transform, and not of one version (``tore/1``, ``tore/2``).

    Given texts have no versions.
    """
    one, another = signature.partition("/"), other.partition("/")
    return one[0] == another[0] != FILE and bool(one[1] and another[1]) and one[2] != another[2]


def applied(transform: PromptTransform, prompt: Prompt) -> tuple[Prompt, Rewriting]:
    """A prompt as a method is sent it, and what was done to its text.

    Raises:
        UserError: the transform fails, or answers something else; its name is told.
    """
    whose = f"the prompt transform {transform.name}"
    with blamed(whose):
        answer = transform.apply(prompt)
    try:
        sent, done = answer
        sound = sent.id == prompt.id and sent.text == done.text and bool(sent.text.strip())
    except (TypeError, ValueError, AttributeError):
        sound = False
    if not sound:
        raise UserError(
            f"{whose} answers {answer!r:.200} for the prompt {prompt.id}: expected a Prompt of the "
            "same id with some text, and a Rewriting with that text; correct the transform."
        )
    return sent, done


def installed_instead(signature: str) -> str | None:
    """The signature of a transform that is installed in another version than ``signature``.

    None where the same version is installed, or no transform of that name.
    """
    word = signature.partition("/")[0]
    if word not in plugins.names("prompt transform"):
        return None
    here: str = plugins.load("prompt transform", word).signature
    return here if is_other_version(signature, here) else None


@dataclass(frozen=True, slots=True)
class Transformed(Method):
    """A generator that is sent rewritten prompts. Picklable where the generator is.

    The seeds, the prompt ids and whatever judges the images stay those of the original prompts.
    """

    generator: Method
    transform: PromptTransform

    @property
    def one_by_one(self) -> bool:
        """What the method says."""
        return self.generator.one_by_one

    @property
    def served(self) -> bool:
        """What the method says."""
        return self.generator.served

    @property
    def at_once(self) -> int:
        """What the method says."""
        return self.generator.at_once

    @property
    def own_batch_size(self) -> int | None:
        """What the method says."""
        return self.generator.own_batch_size

    @property
    def largest_batch(self) -> int | None:
        """What the method says."""
        return self.generator.largest_batch

    @property
    def chosen_by(self) -> str | None:
        """What the method says."""
        return self.generator.chosen_by

    def costs(self) -> Sequence[Mapping[str, float]]:
        """What the method says."""
        return self.generator.costs()

    @property
    def recordings(self) -> Collection[str]:
        """What the method says."""
        return self.generator.recordings

    def record(self, kinds: Collection[str]) -> None:
        """See ``plugins.Method.record``."""
        self.generator.record(kinds)

    def recorded(self) -> Sequence[Json]:
        """What the method says."""
        return self.generator.recorded()

    @property
    def takes_kernels(self) -> bool:
        """What the method says."""
        return self.generator.takes_kernels

    def identity(self) -> Json:
        """The method's own, with the transform and its version."""
        return {**self.generator.identity(), IDENTITY_KEY: self.transform.signature}

    def identity_for(self, prompts: Sequence[Prompt]) -> Json:
        """The method's own, with the transform; a rewritten prompt asks for as much as before."""
        return {**self.generator.identity_for(prompts), IDENTITY_KEY: self.transform.signature}

    def download(self) -> None:
        """Get what the method takes from the network."""
        self.generator.download()

    def about_prompts(self, prompts: Sequence[Prompt]) -> Sequence[str]:
        """What the method says of the rewritten prompts, which the transform checks first."""
        self.transform.check(prompts)
        return self.generator.about_prompts([applied(self.transform, p)[0] for p in prompts])

    def requirements(self, requests: Sequence[ImageRequest]) -> Sequence[Requirement]:
        """What the method needs for the prompts that it is sent."""
        return self.generator.requirements(self._sent(requests))

    def load(self) -> None:
        """Load the method."""
        self.generator.load()

    def generate(self, requests: Sequence[ImageRequest]) -> Sequence[Image.Image | Any]:
        """See ``plugins.Method.generate``."""
        return self.generator.generate(self._sent(requests))

    def stream(
        self, requests: Sequence[ImageRequest]
    ) -> Iterator[tuple[int, Image.Image | NoImage]]:
        """See ``plugins.Method.stream``."""
        return self.generator.stream(self._sent(requests))

    def found_out(self, known: Sequence[Mapping[str, str]]) -> Mapping[str, str]:
        """What the method finds out."""
        return self.generator.found_out(known)

    def _sent(self, requests: Sequence[ImageRequest]) -> list[ImageRequest]:
        return [replace(r, prompt=applied(self.transform, r.prompt)[0]) for r in requests]


def with_transform(generator: Method, name: str | None) -> Method:
    """The generator with a transform by name; the generator itself for None and ``none``.

    Raises:
        UserError: an unknown name, with near matches.
    """
    if name is None or name == NONE:
        return generator
    chosen = plugins.given("prompt transform", name) if ":" in name else transform_of(name)
    return Transformed(generator, chosen)


def with_given_texts(generator: Method, texts: Mapping[str, str]) -> Transformed:
    """The generator with the texts that its images are, or were, made from.

    It is the same condition wherever the texts came from: a run with ``file:PATH`` and an import
    of images that were made from the same texts have the same ``prompt_transform``.

    Args:
        texts: by prompt id, those that were not rewritten among them.
    """
    return Transformed(generator, GivenTexts(texts))


def given_texts(generator: Method) -> GivenTexts | None:
    """The texts that a generator was given for prompts, or None."""
    if isinstance(generator, Transformed) and isinstance(generator.transform, GivenTexts):
        return generator.transform
    return None


def count_outcomes(transform: PromptTransform, prompts: Iterable[Prompt]) -> Mapping[Outcome, int]:
    """How many prompts are rewritten, unchanged and unparsed; every outcome has a number."""
    counts = Counter(applied(transform, prompt)[1].outcome for prompt in prompts)
    return {outcome: counts[outcome] for outcome in Outcome}
