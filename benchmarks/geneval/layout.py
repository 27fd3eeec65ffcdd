"""A folder a prompt: ``metadata.jsonl`` says the prompt, ``samples/<k>.png`` are its images."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from spatialbench.files.documents import json_lines, parse_json, without_mark
from spatialbench.plugins.layout import (
    ImageFiles,
    Layout,
    Names,
    PassedOver,
    Placed,
    Plan,
    is_number,
)
from spatialbench.prompts import Key, Prompt

METADATA = "metadata.jsonl"
SAMPLES = "samples"
GRID = "grid"


@dataclass(frozen=True, slots=True)
class Folder:
    """What a folder's metadata says: its prompt and the text it was made from, or why none."""

    prompt: Prompt | None
    text: str | None = None
    why: str = ""

    @property
    def rewritten(self) -> bool:
        """Whether the images were made from another text than the prompt's."""
        return self.prompt is not None and self.text != self.prompt.text


class FolderLayout(Layout):
    """``<folder>/samples/<k>.png`` with the prompt's own line of the official file beside it."""

    summary = "<folder>/samples/<k>.png, and the prompt in <folder>/metadata.jsonl"

    def place(self, source: ImageFiles, names: Names) -> dict[str, Placed]:
        """Where the folders' metadata put their samples."""
        folders = _folders(source, names)
        placed: dict[str, Placed] = {}
        for name in source.names:
            path = PurePosixPath(name)
            folder = path.parent.parent
            if path.name == METADATA:
                continue
            if path.stem == GRID and path.parent.name != SAMPLES:
                placed[name] = PassedOver("the official script's sheet of all samples of a prompt")
            elif path.parent.name != SAMPLES and SAMPLES in path.parts:
                placed[name] = PassedOver("below a sample; the official scorer does not look there")
            elif path.parent.name != SAMPLES or not is_number(path.stem):
                placed[name] = f"expected <folder>/{SAMPLES}/<digits>.png"
            elif (found := folders.get(str(folder))) is None:
                placed[name] = f"{folder}/{METADATA} is missing"
            elif found.prompt is None:
                placed[name] = found.why
            else:
                placed[name] = found.prompt.id, int(path.stem)
        return placed

    def plan(self, names: Names, keys: Sequence[Key]) -> Plan:
        """Folders are named by the prompt's place, unless its id is such a number."""
        lines = _official_lines(names)
        folders = {
            prompt.id: prompt.id if len(prompt.id) == 5 and prompt.id.isdecimal() else f"{n:05d}"
            for n, prompt in enumerate(names.prompts)
        }
        used = {prompt_id for prompt_id, _ in keys}
        return Plan(
            {(prompt_id, k): f"{folders[prompt_id]}/samples/{k:05d}.png" for prompt_id, k in keys},
            {
                f"{folders[prompt_id]}/metadata.jsonl": lines[prompt_id]
                for prompt_id in sorted(used)
            },
        )

    def rewritten(self, source: ImageFiles, names: Names, files: Iterable[str]) -> int:
        """How many prompts the files are of whose folders say another text than the benchmark's."""
        used = {str(path.parent.parent) for path in map(PurePosixPath, files)}
        folders = _folders(source, names).items()
        return len(
            {f.prompt.id for name, f in folders if name in used and f.rewritten and f.prompt}
        )


LAYOUT = FolderLayout()


def _folders(source: ImageFiles, names: Names) -> dict[str, Folder]:
    """What each folder with a ``metadata.jsonl`` is about, by its name in the source."""
    return {
        str(PurePosixPath(name).parent): _folder(source, name, names)
        for name in source.names
        if PurePosixPath(name).name == METADATA
    }


def _folder(source: ImageFiles, name: str, names: Names) -> Folder:
    where = PurePosixPath(name).parent
    try:
        record = parse_json(json_lines(without_mark(source.read(name)))[0])
        text = record["prompt"]
        if not isinstance(text, str):
            raise TypeError("its prompt is not text")
    except ValueError as error:
        return Folder(None, why=f"the first line of {name} is no JSON ({error})")
    except (KeyError, TypeError, IndexError):
        return Folder(None, why=f"{name} has no prompt")
    found = _named(record, text, names)
    if isinstance(found, str):
        return Folder(None, text, found)
    if len(found) > 1:
        found = [prompt for prompt in found if prompt.id == where.name]
        if not found:
            return Folder(
                None, text, f"several prompts read {text!r}; name the folder as the prompt's id"
            )
    prompt = found[0]
    # Text and metadata agreeing are enough; without the text the number has to agree too.
    if text != prompt.text and (other := _numbered(where.name, names)) not in (None, prompt):
        assert other is not None
        return Folder(
            None,
            text,
            f"its metadata are of prompt {prompt.id} and its number is that of {other.id}: name "
            f"the folder {prompt.id}, or correct the metadata",
        )
    return Folder(prompt, text)


def _named(record: Any, text: str, names: Names) -> list[Prompt] | str:
    """The prompts that a metadata record means: by what the scorer reads, else by the text."""
    if not names.by_judged:
        return names.by_text.get(text) or f"the benchmark has no prompt {text!r}"
    assert names.judged is not None
    key = names.judged(record)
    if key is None:
        # The scorer could judge none of it, but the official text says what was meant.
        return names.by_text.get(text) or (
            f"the benchmark has no prompt {text!r}, and the metadata hold no tag and include to "
            "find it by"
        )
    return names.by_judged.get(key) or (
        f"the benchmark has no prompt with the metadata of {text!r}"
    )


def _numbered(folder: str, names: Names) -> Prompt | None:
    """The prompt whose id is the folder's number, padded or not."""
    if not is_number(folder):
        return None
    return next((p for p in names.prompts if is_number(p.id) and int(p.id) == int(folder)), None)


def _official_lines(names: Names) -> dict[str, bytes]:
    """A prompt's line of the official prompt file where that is JSON Lines, else a small object."""
    lines = names.official().splitlines()
    if len(lines) == len(names.prompts) and all(map(_says, lines, names.prompts)):
        return {p.id: line + b"\n" for p, line in zip(names.prompts, lines, strict=True)}
    return {
        prompt.id: json.dumps({"tag": prompt.task, "prompt": prompt.text}).encode() + b"\n"
        for prompt in names.prompts
    }


def _says(line: bytes, prompt: Prompt) -> bool:
    try:
        record = json.loads(line)
    except ValueError:
        return False
    return isinstance(record, dict) and record.get("prompt") == prompt.text
