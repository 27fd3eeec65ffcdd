"""Files of rewritten prompts as others publish them: JSON Lines, a JSON list or a JSON object.

Every entry gives one text and says which prompt it is for. The name of the field with the text and
what identifies a prompt are told by ``docs/rewritten-prompts.md``; nothing is joined by its place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files.documents import LARGE, json_lines, parse_json, read_limited

PLAINLY_REWRITTEN = (
    *("rewritten", "rewritten_prompt", "prompt_rewritten", "rewritten_text", "prompt_sent"),
    *("refined_prompt", "enhanced_prompt", "revised_prompt", "expanded_prompt"),
)
"""Fields that can hold nothing but the text that is sent."""
TEXTS = ("prompt", "text", "detailed_caption", "long_prompt", "caption")
"""Fields that hold it where they are the only one."""

EXPECTED = (
    'expected one JSON object per line, such as {"prompt_id": "17", "text": "..."}, a JSON list of '
    'such objects, or one object such as {"17": "..."}'
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One text: where it stands, the key before it in a JSON object, its fields."""

    place: str
    key: str | None
    fields: Mapping[str, Any]


def path_and_field(given: str) -> tuple[Path, str | None]:
    """``PATH#FIELD`` as both; a file whose name has the sign is that file.

    A path may begin with ``~``, which a shell leaves as it is behind a colon.
    """
    whole = Path(given).expanduser()
    before, sign, field = given.rpartition("#")
    if not sign or not before or whole.is_file():
        return whole, None
    return Path(before).expanduser(), field


def _content(path: Path) -> bytes:
    try:
        return read_limited(path, LARGE)
    except OSError as error:
        raise UserError(
            f"the rewritten prompts {path} cannot be read ({error.strerror}): give "
            "--prompt-transform file:PATH."
        ) from error
    except ValueError as error:
        raise UserError(f"the rewritten prompts {path} cannot be read: {error}.") from error


def entries_of(path: Path, field: str | None) -> list[Entry]:
    """What a file says, entry by entry.

    Raises:
        UserError: no such file, or not what is expected of one.
    """
    where, content = str(path), _content(path)
    try:
        whole = _parsed(content, where)
    except ValueError:
        return list(_of_lines(where, content))
    if isinstance(whole, list):
        return [_entry(f"{where}, entry {number}", one) for number, one in enumerate(whole, 1)]
    if isinstance(whole, dict) and not {*PLAINLY_REWRITTEN, *TEXTS, field}.isdisjoint(whole):
        return [_entry(f"{where}, line 1", whole)]
    if isinstance(whole, dict):
        return of_object(whole, where)
    raise UserError(f"{where} holds no rewritten prompts: {EXPECTED}.")


def _of_lines(where: str, content: bytes) -> Iterator[Entry]:
    for number, line in enumerate(json_lines(content), 1):
        if not line.strip():
            continue
        place = f"{where}, line {number}"
        try:
            found = _parsed(line, place)
        except ValueError as error:
            raise UserError(f"{place} cannot be read ({error}): {EXPECTED}.") from error
        yield _entry(place, found)


def of_object(whole: Mapping[Any, Any], where: str) -> list[Entry]:
    """The entries of one object from prompt ids, or texts, to texts or to objects.

    Raises:
        UserError: a key or a value that is neither.
    """
    found = []
    for key, value in whole.items():
        place = f"{where}, key {key!r}"
        if isinstance(key, int) and not isinstance(key, bool):
            key = str(key)
        if not isinstance(key, str) or not isinstance(value, str | Mapping):
            raise UserError(f"{place} does not give a text: {EXPECTED}.")
        fields = {TEXTS[1]: value} if isinstance(value, str) else value
        found.append(Entry(place, key, fields))
    return found


def _entry(place: str, found: Any) -> Entry:
    if not isinstance(found, dict):
        raise UserError(f"{place} is not a JSON object: {EXPECTED}.")
    return Entry(place, None, found)


def _parsed(content: bytes, place: str) -> Any:
    """As ``parse_json``, but no key twice in an object, of which Python would keep the last."""
    parse_json(content)

    def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if found.setdefault(key, value) != value:
                raise UserError(
                    f"{place} has the key {key!r} twice in one JSON object, with different "
                    "values: leave one of them."
                )
        return found

    return json.loads(content, object_pairs_hook=each_once)
