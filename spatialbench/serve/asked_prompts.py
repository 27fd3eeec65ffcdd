"""Which prompt is meant: by the metadata, the id or the text that came with an image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files.documents import limited_lines, parse_json
from ..files.regular_files import open_regular
from ..plugins import Benchmark
from ..prompts import Prompt
from .asked import Asked, Refused

_SHOWN = 80
"""Characters of a client's text that an answer repeats."""


class AskedPrompts:
    """The prompts that a server knows. Safe to ask from many threads: nothing changes.

    Attributes:
        prompts: those of the subset, then those of the user's own file.
    """

    def __init__(self, benchmark: Benchmark, subset: str, own: Path | None = None) -> None:
        """``own`` is a file of metadata, one JSON object per line; see ``docs/serve.md``.

        Raises:
            UserError: a file that cannot be read, or a line that is no metadata.
        """
        self._benchmark = benchmark
        self._subset = subset
        self._own = own
        official = list(benchmark.prompts(subset))
        self._by_judged: dict[str, Prompt] = {}
        for prompt in official:
            judged = benchmark.judged_metadata(prompt.facts.get("metadata"))
            if judged is not None:
                self._by_judged.setdefault(judged, prompt)
        self._by_id = {prompt.id: prompt for prompt in official}
        self._by_text = _by_text((prompt.text, prompt) for prompt in official)
        if own is not None:
            pairs = list(self._read(own))
            for _, prompt in pairs:
                self._by_id.setdefault(prompt.id, prompt)
            # The user's own file says more about what its texts mean than the benchmark does.
            self._by_text.update(_by_text(pairs))
        self.prompts: Sequence[Prompt] = list(self._by_id.values())

    def find(self, asked: Asked) -> Prompt:
        """The prompt that is meant.

        Raises:
            Refused: nothing tells it, it is not known, several are meant, or what tells it
                disagrees.
        """
        found = None
        if asked.metadata is not None and asked.metadata != {}:
            found = self._of_metadata(asked.metadata)
        if asked.prompt_id is not None:
            named = self._of_id(asked.prompt_id)
            if found is not None and found.id != named.id:
                raise Refused(
                    f"the metadata are those of the prompt {found.id} ({_shown(found.text)}), and "
                    f"the id is {named.id} ({_shown(named.text)}): send one of them, or both of "
                    "the same prompt."
                )
            found = named
        if asked.text is None:
            if found is None:
                raise Refused(
                    "nothing says which prompt the image is of: send its metadata, its id or its "
                    "text."
                )
            return found
        if found is None:
            return self._of_text(asked.text)
        if not isinstance(asked.text, str):
            raise Refused(_no_text(asked.text))
        # A text that nobody knows is a rewritten one.
        others = self._by_text.get(asked.text.strip(), [found])
        if found.id not in {other.id for other in others}:
            raise Refused(
                f"the text {_shown(asked.text)} is that of the prompt {others[0].id}, and what "
                f"came with it means {found.id} ({_shown(found.text)}): send one of them, or both "
                "of the same prompt."
            )
        return found

    def _of_id(self, prompt_id: str) -> Prompt:
        found = self._by_id.get(prompt_id) if isinstance(prompt_id, str) else None
        if found is None:
            raise Refused(f"no prompt has the id {_shown(prompt_id)}: {self._known()}.")
        return found

    def _of_text(self, text: str) -> Prompt:
        if not isinstance(text, str):
            raise Refused(_no_text(text))
        plain = text.strip()
        if plain.startswith("{"):
            return self._of_metadata(_object(plain))
        found = self._by_text.get(plain, ())
        if not found:
            has_metadata = (
                type(self._benchmark).prompt_of_metadata is not Benchmark.prompt_of_metadata
            )
            instead = (
                "send the prompt's metadata, or start the server with --metadata FILE"
                if has_metadata
                else "send a text of these, letter by letter, or the prompt's id"
            )
            raise Refused(f"no prompt reads {_shown(text)}: {self._known()}; {instead}.")
        if len(found) > 1:
            ids = ", ".join(prompt.id for prompt in found[:3])
            more = ", ..." if len(found) > 3 else ""
            raise Refused(
                f"{len(found)} prompts read {_shown(text)} and ask for different things: send the "
                f"prompt's metadata or its id ({ids}{more})."
            )
        return found[0]

    def _of_metadata(self, metadata: Mapping[str, Any]) -> Prompt:
        if not isinstance(metadata, Mapping):
            raise Refused(
                f"the metadata are {_shown(metadata)}: expected an object, such as the prompt's "
                "line of the official file."
            )
        known = self._judged(metadata)
        if known is not None:
            return known
        try:
            made = self._benchmark.prompt_of_metadata(metadata)
        except UserError as error:
            raise Refused(str(error)) from error
        if made is not None:
            return made
        # Its prompts have no metadata, and a trainer's line may still say which it is.
        for key, find in (("prompt_id", self._of_id), ("prompt", self._of_text)):
            if metadata.get(key) is not None and not str(metadata[key]).lstrip().startswith("{"):
                return find(metadata[key])
        raise Refused(
            f"the metadata say neither a prompt_id nor a prompt, and {self._benchmark.name} has no "
            "metadata of its own by which a prompt could be told."
        )

    def _judged(self, metadata: Mapping[str, Any]) -> Prompt | None:
        judged = self._benchmark.judged_metadata(metadata)
        return None if judged is None else self._by_judged.get(judged)

    def _known(self) -> str:
        own = "" if self._own is None else f" and of {self._own.name}"
        name = f"{self._benchmark.name}:{self._benchmark.typed(self._subset)}"
        return f"the server knows the {len(self._by_id):,} of {name}{own}"

    def _read(self, path: Path) -> Iterable[tuple[str, Prompt]]:
        """The texts of a file's lines with the prompts that they mean."""
        number = 0
        try:
            with open_regular(path) as file:
                for line in limited_lines(file):
                    number += 1
                    if line.strip():
                        yield self._line(parse_json(line))
        except (OSError, ValueError, UserError) as error:
            where = f"line {number} of {path}" if number else str(path)
            told = str(error).rstrip(".")
            raise UserError(
                f"{where} cannot be read as metadata ({told}): expected one JSON object per line, "
                "as in the benchmark's official file."
            ) from error

    def _line(self, metadata: Any) -> tuple[str, Prompt]:
        if not isinstance(metadata, Mapping):
            raise ValueError("it is no object")
        made = self._benchmark.prompt_of_metadata(metadata)
        if made is None:
            raise ValueError(
                f"{self._benchmark.name} has no metadata by which a prompt could be judged; leave "
                "out --metadata"
            )
        return made.text, self._judged(metadata) or made


def _by_text(pairs: Iterable[tuple[str, Prompt]]) -> dict[str, list[Prompt]]:
    """The different prompts of each text."""
    found: dict[str, dict[str, Prompt]] = {}
    for text, prompt in pairs:
        found.setdefault(text.strip(), {}).setdefault(prompt.id, prompt)
    return {text: list(prompts.values()) for text, prompts in found.items()}


def _object(text: str) -> Mapping[str, Any]:
    try:
        value = parse_json(text)
    except ValueError as error:
        raise Refused(
            f"the text {_shown(text)} begins like metadata, and is no JSON object ({error})."
        ) from error
    found: Mapping[str, Any] = value
    return found


def _no_text(given: object) -> str:
    return f"the prompt's text is {_shown(given)}: expected text."


def _shown(given: object) -> str:
    text = given if isinstance(given, str) else repr(given)
    return repr(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!r}..."
