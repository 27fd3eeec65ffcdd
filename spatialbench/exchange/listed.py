"""Lists of images as other tools write them: JSON Lines of prompt and path, and prompt -> path.

Neither has an index: images of a prompt are numbered in the order in which the list names them.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from ..errors import UserError
from ..files.documents import json_lines, parse_json, without_mark
from ..plugins.layout import Extra, ImageFiles, Layout, Names, PassedOver, Placed, Plan
from ..prompts import Key, Prompt
from .sources import names_inside


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a list: the text its image was made from, and where that image is.

    Attributes:
        where: what the entry is called in a report, such as ``line 7 (own_6)``.
        record: whatever else it says, where the benchmark may find its prompt.
        wrong: why it is none; empty for a sound one.
    """

    where: str
    text: str = ""
    path: str = ""
    record: Any = field(default=None)
    wrong: str = ""


class ListLayout(Layout):
    """Any file names, and a list that says which prompt each was made from."""

    suffix: str
    """How the names of such lists end."""

    @abstractmethod
    def entries(self, content: bytes) -> list[Entry]:
        """The entries of a list. Raises ValueError for content that is no such list."""

    def listed(self, content: bytes) -> Sequence[str]:
        """See ``Layout.listed``."""
        return [entry.path for entry in self.entries(content)]

    def place(self, source: ImageFiles, names: Names) -> dict[str, Placed]:
        """Where the list in the source puts its files.

        Raises:
            UserError: no list there, or several.
        """
        name, entries = self._list(source)
        there = set(source.names) - {name}
        placed: dict[str, Placed] = {}
        order: Counter[str] = Counter()
        taken: dict[str, str] = {}
        spoken: set[str] = set()
        for entry in entries:
            prompt = _meant(entry, names)
            files = names_inside(entry.path, source.path, str(PurePosixPath(name).parent))
            file = next((file for file in files if file in there), None)
            spoken.update([] if file is None else [file])
            if isinstance(prompt, str | Extra):
                placed[entry.where] = prompt
            elif file is not None and file in taken:
                placed[entry.where] = f"it names {file}, which {taken[file]} names already"
            else:
                index = order[prompt.id]
                order[prompt.id] += 1
                if file is not None:
                    placed[file] = prompt.id, index
                    taken[file] = entry.where
                elif files:
                    placed[entry.where] = f"its image {entry.path!r} is not there"
                else:
                    placed[entry.where] = f"its image {entry.path!r} leads out of the folder"
        left = PassedOver(f"{name} does not name it")
        return placed | dict.fromkeys(sorted(there - spoken), left)

    def texts(self, source: ImageFiles, names: Names) -> dict[str, str]:
        """The prompt of each file's entry."""
        name, entries = self._list(source)
        below = str(PurePosixPath(name).parent)
        told: dict[str, str] = {}
        for entry in entries:
            if not isinstance(_meant(entry, names), str | Extra):
                for file in names_inside(entry.path, source.path, below):
                    told.setdefault(file, entry.text)
        return told

    def _list(self, source: ImageFiles) -> tuple[str, list[Entry]]:
        found = {}
        why = ""
        for name in source.names:
            if name.lower().endswith(self.suffix):
                try:
                    found[name] = self.entries(without_mark(source.read(name)))
                except ValueError as error:
                    why = f" ({name}: {error})"
        if len(found) == 1:
            return next(iter(found.items()))
        if found:
            raise UserError(
                f"{source.path} holds several lists of images ({', '.join(found)}): give the one "
                "that is meant as the path, instead of the folder."
            )
        raise UserError(f"{source.path} holds no list of images, {self.summary}{why}.")


def _meant(entry: Entry, names: Names) -> Prompt | str | Extra:
    """The prompt of an entry: by its text, else by what else it says."""
    if entry.wrong:
        return entry.wrong
    found = names.by_text.get(entry.text, ())
    if not found and names.judged is not None and names.by_judged:
        key = names.judged(entry.record)
        found = names.by_judged.get(key, ()) if key is not None else ()
    if len(found) == 1:
        return found[0]
    if found:
        ids = " and ".join(prompt.id for prompt in found[:3])
        return f"several prompts read {entry.text!r} ({ids}): use --layout flat+csv"
    return Extra(f"the benchmark has no prompt {entry.text!r}")


def _in_order(names: Names, keys: Sequence[Key]) -> dict[Key, str]:
    """File names of images that a list can say: by their order, and by texts of one prompt each.

    Raises:
        UserError: an image whose list would say another one.
    """
    there = set(keys)
    for prompt_id, k in keys:
        text = names.known[prompt_id].text
        before = next((n for n in range(k) if (prompt_id, n) not in there), None)
        if before is not None or len(names.by_text[text]) > 1:
            why = (
                f"image {before} of the prompt is not there, and lists number images by order"
                if before is not None
                else f"several prompts read {text!r}, and a list knows them by their text"
            )
            raise UserError(
                f"image {prompt_id}/{k} cannot be listed: {why}; use --layout flat+csv."
            )
    return {(prompt_id, k): f"images/{prompt_id}_{k}.png" for prompt_id, k in sorted(keys)}


class LinesLayout(ListLayout):
    """EvalScope's custom text-to-image data."""

    summary = 'any names, and JSON Lines of {"prompt": ..., "image_path": ...} (EvalScope)'
    suffix = ".jsonl"

    def entries(self, content: bytes) -> list[Entry]:
        """See ``ListLayout``; a list is JSON Lines some of whose objects have an image_path."""
        found = [
            _line(number, line)
            for number, line in enumerate(json_lines(content), 1)
            if line.strip()
        ]
        if all(entry.wrong for entry in found):
            raise ValueError("no line has a prompt and an image_path")
        return found

    def plan(self, names: Names, keys: Sequence[Key]) -> Plan:
        """``images/<prompt id>_<k>.png``, and the list beside that folder."""
        images = _in_order(names, keys)
        lines = [
            json.dumps(
                {
                    "id": f"{prompt_id}_{k}",
                    "prompt": names.known[prompt_id].text,
                    "image_path": images[prompt_id, k],
                },
                ensure_ascii=False,
            )
            for prompt_id, k in sorted(keys)
        ]
        return Plan(images, {"prompts.jsonl": "".join(f"{line}\n" for line in lines).encode()})


def _line(number: int, line: bytes) -> Entry:
    where = f"line {number}"
    try:
        record = parse_json(line)
        where += f" ({record['id']})" if "id" in record else ""
        text, path = record["prompt"], record["image_path"]
        if not isinstance(text, str) or not isinstance(path, str):
            raise TypeError("prompt or image_path is not text")
    except ValueError as error:
        return Entry(where, wrong=f"it is no JSON ({error})")
    except (KeyError, TypeError) as error:
        told = f"it has no {error}" if isinstance(error, KeyError) else "it is no object of texts"
        return Entry(where, wrong=told)
    return Entry(where, text, path, record)


class PathsLayout(ListLayout):
    """One JSON object: a prompt, and the path of its image or a list of paths."""

    summary = "any names, and a JSON object {prompt: path} or {prompt: [paths]}"
    suffix = ".json"

    def entries(self, content: bytes) -> list[Entry]:
        """See ``ListLayout``; a prompt that stands there twice has two images."""
        if not isinstance(parse_json(content), dict):
            raise ValueError("it is no object")
        pairs: list[tuple[str, Any]] = json.loads(content, object_pairs_hook=list)
        found: list[Entry] = []
        times: Counter[str] = Counter()
        for text, paths in pairs:
            every = paths if isinstance(paths, list) else [paths]
            if not every or not all(isinstance(path, str) for path in every):
                raise ValueError(f"the value of {text!r} is no path")
            for path in every:
                times[text] += 1
                where = text if times[text] == 1 else f"{text} ({times[text]})"
                found.append(Entry(where, text, path))
        if not found:
            raise ValueError("it is empty")
        return found

    def plan(self, names: Names, keys: Sequence[Key]) -> Plan:
        """``images/<prompt id>_<k>.png``, and the object beside that folder."""
        images = _in_order(names, keys)
        paths: dict[str, list[str]] = {}
        for prompt_id, k in sorted(keys):
            paths.setdefault(names.known[prompt_id].text, []).append(images[prompt_id, k])
        told = {text: own[0] if len(own) == 1 else own for text, own in paths.items()}
        content = json.dumps(told, indent=1, ensure_ascii=False).encode() + b"\n"
        return Plan(images, {"image_paths.json": content})


LINES = LinesLayout()
PATHS = PathsLayout()
