"""What a trainer asks about one image, and what it is told: the types below every protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import UserError

if TYPE_CHECKING:
    from PIL import Image

    from ..plugins import Verdict
    from ..prompts import Prompt


class Refused(UserError):
    """One asked image that can never be rewarded, however often it is asked about.

    A broken image, an unknown prompt, metadata that no rule can read. The sentence is for the
    client, which is told it in its own protocol's form; it never becomes a reward of 0.
    """


@dataclass(frozen=True, slots=True)
class Asked:
    """One image and what tells its prompt, as a client sent it.

    What is not None tells the prompt: the metadata first, then the id, then the text. Those given
    have to mean the same prompt.

    Attributes:
        image: the bytes of a PNG, JPEG or WEBP file.
        metadata: the prompt's own line of the benchmark's official file.
        prompt_id: the benchmark's id of the prompt.
        text: the prompt's text; or its metadata as a JSON object, for a client that sends no more
            than a text.
    """

    image: bytes
    metadata: Mapping[str, Any] | None = None
    prompt_id: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """An asked image, decoded and with its prompt: all that scoring needs.

    Attributes:
        prompt: of the benchmark, or made from the metadata that were sent.
        image: RGB, of the size that it was sent in.
    """

    prompt: Prompt
    image: Image.Image


@dataclass(frozen=True, slots=True)
class Reward:
    """What is answered about one image.

    Attributes:
        prompt_id: the benchmark's id; for a prompt that is known by its metadata alone, a name
            made from them.
        verdict: by the rule that the server was started with.
        reward: that verdict's score.
        verdicts: by the name of the rule, for every rule that was asked for.
        group: the benchmark's group of the prompt, such as a task; None where it has none.
    """

    prompt_id: str
    verdict: Verdict
    reward: float
    verdicts: Mapping[str, Verdict]
    group: str | None
