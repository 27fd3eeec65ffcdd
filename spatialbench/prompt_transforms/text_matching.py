"""Which prompt each entry of a file of rewritten prompts is for, and which field is its text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..errors import UserError
from ..files.documents import parse_json
from ..plugins.layout import Names
from ..prompts import Prompt
from .text_file import (
    EXPECTED,
    PLAINLY_REWRITTEN,
    TEXTS,
    Entry,
    entries_of,
    of_object,
    path_and_field,
)

IDS = ("prompt_id", "id", "unique_id")
ORIGINALS = ("prompt_original", "original_prompt", "original_text", "original")

_SHOWN = 3
_METADATA = "metadata"

Others = Callable[[], Iterator[Names]]
"""The benchmark's other subsets, read one after the other and only where they are needed."""


def texts_of_file(given: str, names: Names, others: Others) -> dict[str, str]:
    """By prompt id the texts in a file.

    Args:
        given: ``PATH`` or ``PATH#FIELD``.
        names: the prompts of the subset that is run; the texts of ``others`` are left out.

    Raises:
        UserError: no such file or field, something else than texts of prompts, a prompt that no
            subset has, one prompt with two texts, or several fields that could be the text.
    """
    path, field = path_and_field(given)
    return _texts(entries_of(path, field), str(path), field, names, others)


def texts_of_mapping(given: Mapping[Any, Any], names: Names, others: Others) -> dict[str, str]:
    """By prompt id the texts of a mapping from prompt ids or original texts.

    Raises:
        UserError: as ``texts_of_file``.
    """
    where = "prompt_transform"
    return _texts(of_object(dict(given), where), where, None, names, others)


def _texts(
    entries: Sequence[Entry], where: str, field: str | None, names: Names, others: Others
) -> dict[str, str]:
    if not entries:
        raise UserError(f"{where} holds no rewritten prompts: {EXPECTED}.")
    chosen = field or _field(entries, where)
    found: dict[str, str] = {}
    places: dict[str, str] = {}
    unknown = []
    for entry in entries:
        text = entry.fields.get(chosen)
        if not isinstance(text, str) or not text.strip():
            raise UserError(f"{entry.place} has no text in the field {chosen!r}: give it one.")
        prompts = _prompts(entry, chosen, names)
        if not prompts:
            unknown.append(entry)
        for prompt in prompts:
            if found.setdefault(prompt.id, text) != text:
                raise UserError(
                    f"{entry.place} gives the prompt {prompt.id} another text than "
                    f"{places[prompt.id]}: leave one of them."
                )
            places.setdefault(prompt.id, entry.place)
    for subset in others() if unknown else ():
        unknown = [entry for entry in unknown if not _prompts(entry, chosen, subset)]
        if not unknown:
            break
    if unknown:
        shown = "; ".join(f"{one.place} ({_said(one, chosen, names)})" for one in unknown[:_SHOWN])
        more = "; ..." if len(unknown) > _SHOWN else ""
        raise UserError(
            f"{len(unknown):,} of {len(entries):,} rewritten prompts are for no prompt of the "
            f"benchmark: {shown}{more}. Correct or remove them; 'spatialbench prompts' prints the "
            "prompts."
        )
    if not found:
        raise UserError(f"{where} has only texts for other subsets of the benchmark.")
    return found


def _field(entries: Sequence[Entry], where: str) -> str:
    """The field that holds the text.

    Raises:
        UserError: no known one, or several that differ.
    """
    for known in (PLAINLY_REWRITTEN, TEXTS):
        there = [name for name in known if any(name in entry.fields for entry in entries)]
        other = [name for name in there if _differ(entries, there[0], name)]
        if other:
            ways = " or ".join(f"file:{where}#{name}" for name in (there[0], *other))
            raise UserError(
                f"{where} has several fields that can be the rewritten text "
                f"({', '.join((there[0], *other))}): say which one, as in --prompt-transform "
                f"{ways}."
            )
        if there:
            return there[0]
    fields = ", ".join(dict.fromkeys(str(name) for entry in entries for name in entry.fields))
    raise UserError(
        f"{where} has no field that is known for a text (it has {fields or 'none'}): name it, as "
        f"in --prompt-transform file:{where}#FIELD; known are "
        f"{', '.join((*TEXTS, *PLAINLY_REWRITTEN))}."
    )


def _differ(entries: Sequence[Entry], one: str, other: str) -> bool:
    return any(entry.fields.get(one) != entry.fields.get(other) for entry in entries)


def _prompts(entry: Entry, field: str, names: Names) -> Sequence[Prompt]:
    """The prompts that an entry is for: one, or all of one text; none for an unknown one.

    Raises:
        UserError: what identifies it names different prompts.
    """
    told = {what: found for what, found in _told(entry, field, names) if found}
    if not told:
        text = entry.fields[field]
        # A line with nothing but an original text leaves that prompt as it is.
        return _of_text(text, names) if _silent(entry, field, names) else []
    for name in ORIGINALS:
        original = entry.fields.get(name)
        if name != field and isinstance(original, str) and name not in told:
            raise UserError(
                f"{entry.place} contradicts itself: its {next(iter(told))} is that of a prompt of "
                f"the benchmark, and no prompt has the text of its {name}, {original!r}. Correct "
                "one of them."
            )
    first, *rest = told
    ids = {prompt.id for prompt in told[first]}
    for what in rest:
        shared = ids & {prompt.id for prompt in told[what]}
        if not shared:
            raise UserError(
                f"{entry.place} contradicts itself: its {first} is that of the prompt "
                f"{told[first][0].id}, its {what} that of {told[what][0].id}. Correct one of them."
            )
        ids = shared
    return [prompt for prompt in told[first] if prompt.id in ids]


def _told(entry: Entry, field: str, names: Names) -> Iterator[tuple[str, Sequence[Prompt]]]:
    """Whatever identifies a prompt, and the prompts it is that of; none for an unknown one."""
    if entry.key is not None:
        known = names.known.get(entry.key)
        yield "key", [known] if known else _of_text(entry.key, names)
    for name in IDS:
        value = entry.fields.get(name)
        if name != field and isinstance(value, str | int) and not isinstance(value, bool):
            known = names.known.get(str(value))
            yield name, [known] if known else []
    for metadata in (entry.fields, _inner(entry.fields.get(_METADATA))):
        judged = names.judged(metadata) if names.judged else None
        if judged is not None:
            yield "metadata", names.by_judged.get(judged, [])
            break
    for name in (*ORIGINALS, *TEXTS):
        value = entry.fields.get(name)
        if name != field and isinstance(value, str):
            yield name, _of_text(value, names)


def _silent(entry: Entry, field: str, names: Names) -> bool:
    """Whether nothing in an entry even tries to say which prompt it is for."""
    return not any(what not in TEXTS for what, _ in _told(entry, field, names))


def _of_text(text: str, names: Names) -> Sequence[Prompt]:
    return names.by_text.get(text) or names.by_text.get(text.strip()) or []


def _inner(metadata: Any) -> Any:
    """Metadata in a field of its own, as an object or as JSON in a string."""
    if not isinstance(metadata, str):
        return metadata
    try:
        return parse_json(metadata)
    except ValueError:
        return None


def _said(entry: Entry, field: str, names: Names) -> str:
    """What an unknown entry says of its prompt."""
    if entry.key is not None:
        return names.unknown(entry.key)
    for name in IDS:
        if entry.fields.get(name) is not None:
            return names.unknown(str(entry.fields[name]))
    for name in ORIGINALS:
        if entry.fields.get(name) is not None:
            return f"the benchmark has no prompt {entry.fields[name]!r}"
    if not _silent(entry, field, names):
        return "the benchmark has no prompt of this metadata"
    return f"it says no prompt: expected {', '.join(IDS)} or {ORIGINALS[0]}"
