"""Methods: what makes images. A plug-in names one; configured, it is a ``Method``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .kernels import STOCK, Kernels
from .plugin import Plugin

if TYPE_CHECKING:
    from PIL import Image

    from ..prompts import Prompt
    from .backbone import Ability
    from .requirements import Requirement

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class NoImage:
    """In the place of an image: there is none for this request, and why.

    Such an image is missing, so that the run is not complete; a blank one would count as wrong.

    Attributes:
        reason: in one line, such as ``refused by the server's content filter``.
        refused: whether the answer would be the same another time: the request is not made again
            unless the user says so. Else the next command makes it again.
    """

    reason: str
    refused: bool = True


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One image to make: prompt, image index k, and the seed of its own CPU generator."""

    prompt: Prompt
    index: int
    seed: int


@dataclass(frozen=True, slots=True)
class GenerationSettings:
    """What the user asked of any method; None means the backbone's own default.

    ``width`` and ``height`` are pixels; ``dtype`` is ``float32``, ``float16`` or ``bfloat16``.
    ``device`` and ``offline`` decide no pixel and stay out of the identity; ``kernels`` decide its
    rounding alone, and stay out of it as well.
    """

    backbone: str = "lab"
    steps: int | None = None
    guidance_scale: float | None = None
    scheduler: str | None = None
    width: int | None = None
    height: int | None = None
    dtype: str = "float32"
    prompt_transform: str | None = None
    device: str = "cpu"
    offline: bool = False
    kernels: Kernels = STOCK


@dataclass(frozen=True, slots=True)
class Parameter:
    """One ``--set key=value`` a method takes: its default and what it means.

    ``before`` is the value that gives the images of the versions that did not have the parameter,
    where the default gives others; None where there were none.
    """

    default: Any
    help: str
    before: Any = None


class Method(ABC):
    """A method on a backbone, with every setting fixed."""

    @property
    def one_by_one(self) -> bool:
        """Whether no image depends on its batch by even a bit: finished ones are not made again.

        Where it is false, as by default, a batch with a missing image is made whole, so that the
        bytes are those of an uninterrupted run.
        """
        return False

    @property
    def served(self) -> bool:
        """Whether a server makes the images, and may charge for each.

        Then none is made for an estimate, each is written as soon as ``stream`` gives it, and the
        machine at hand decides no pixel.
        """
        return False

    @property
    def at_once(self) -> int:
        """How many requests are worked on at the same time, one after the other within each."""
        return 1

    @property
    def own_batch_size(self) -> int | None:
        """Images at a time unless the user says otherwise; None leaves that to the harness."""
        return None

    @property
    def largest_batch(self) -> int | None:
        """The most images that it makes at a time, because more would change them; None for any
        number."""
        return None

    @property
    def takes_kernels(self) -> bool:
        """Whether it heeds ``GenerationSettings.kernels``; where not, they are refused."""
        return False

    @abstractmethod
    def identity(self) -> Json:
        """Everything that decides the pixels: method, version, parameters, backbone, scheduler.

        Cheap: no model is loaded for it. Plain JSON values only.
        """

    def identity_for(self, prompts: Sequence[Prompt]) -> Json:
        """The identity of a run of these prompts: all of a subset, whatever is made of them.

        By default :meth:`identity`. A method may say here what decides the pixels of some prompts
        only, so that the runs of others keep the identity that they have.
        """
        return self.identity()

    @abstractmethod
    def load(self) -> None:
        """Load the models. Called once in each worker, before ``generate``."""

    @abstractmethod
    def generate(self, requests: Sequence[ImageRequest]) -> Sequence[Image.Image | Any]:
        """One RGB image per request, each from one CPU generator seeded with its own seed.

        A request's pixels may not depend on the other requests beyond rounding. Where there is no
        image for a request, a ``NoImage`` says why (``Any`` in the type, so that who calls a method
        that has no use for it need not ask).
        """

    def stream(
        self, requests: Sequence[ImageRequest]
    ) -> Iterator[tuple[int, Image.Image | NoImage]]:
        """The same with their places in ``requests``, in any order, each as soon as it is there.

        By default all of them at the end.
        """
        yield from enumerate(self.generate(requests))

    def found_out(self, known: Sequence[Mapping[str, str]]) -> Mapping[str, str]:
        """What a server tells of itself that the identity does not hold, for the run's manifest.

        Called once by a command that will make images, before the first of them and before
        ``load``. The text at ``said``, if any, is printed.

        Args:
            known: what earlier commands found out.
        """
        return {}

    @property
    def chosen_by(self) -> str | None:
        """The signature of the detector or judge that chose each image among several; None for no
        choice. A run by such a method is not scored by the same."""
        return None

    def costs(self) -> Sequence[Mapping[str, float]]:
        """What each image of the latest ``generate`` took, where that differs between settings or
        images: numbers by a short name in the plural, such as ``guided steps``.

        They are kept in the records of the images, and their means are printed with the price.
        Empty for nothing.
        """
        return ()

    @property
    def recordings(self) -> Collection[str]:
        """What ``--record`` can be given: what it can tell of how an image was made."""
        return ()

    def record(self, kinds: Collection[str]) -> None:
        """From now on remember these of ``recordings``, for ``recorded``; changes no pixel."""
        return

    def recorded(self) -> Sequence[Json]:
        """Of each image of the latest ``generate`` what was remembered by kind: plain JSON."""
        return ()

    def requirements(self, requests: Sequence[ImageRequest]) -> Sequence[Requirement]:
        """What it needs to make these images; loads no model and takes nothing from the network.

        By default nothing is asked, and the method says what it lacks when it is used.
        """
        return ()

    def about_prompts(self, prompts: Sequence[Prompt]) -> Sequence[str]:
        """Sentences on the prompts of a run, printed before the first image; loads no model.

        Raises:
            UserError: a prompt that the method cannot take.
        """
        return ()

    def download(self) -> None:
        """Get what it takes from the network, without loading it.

        A method that does not say how has to find its files on every machine that works.

        Raises:
            UserError: the download failed, or it is offline.
        """
        return


class MethodPlugin(Plugin):
    """What an entry point of ``spatialbench.methods`` names."""

    step_factor: float = 1.0
    """How many plain steps one of its steps is worth, for rough estimates."""
    needs: Collection[Ability] = ()
    """What a backbone must have of these, at least one, for it to run there; none is any."""

    baseline: bool = False
    """Whether it leaves the backbone as it is: what other methods are held to."""

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """The ``--set`` keys by name, with their defaults."""
        return {}

    @abstractmethod
    def configure(self, settings: GenerationSettings, parameters: Mapping[str, Any]) -> Method:
        """Fix the settings.

        Raises:
            UserError: a parameter or value the method does not take.
        """

    def steps_worth(self, generator: Json) -> float:
        """How many plain steps one of its steps is worth with these settings, for estimates.

        By default ``step_factor``.

        Args:
            generator: the identity of the method as it was configured.
        """
        return self.step_factor

    def marks_of(self, parameters: Mapping[str, str]) -> Sequence[str]:
        """The marks of a run whose identity has none, as of an earlier version.

        Args:
            parameters: those in the run's signature.
        """
        return ()
