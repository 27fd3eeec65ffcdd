"""A folder a prompt: ``metadata.jsonl`` says the prompt, ``samples/<k>.png`` are its images."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
PNG = ".png"

_NOT_READ = "the official scorer does not read it"

_OWN_NUMBERS = 3
"""Folders none of whose numbers is its prompt's, from which on the numbers count otherwise."""


@dataclass(frozen=True, slots=True)
class Folder:
    """What a folder's metadata says: its prompt and the text it was made from, or why none.

    ``contradiction`` says that its number is that of another prompt, where the text is nobody's.
    """

    prompt: Prompt | None
    text: str | None = None
    why: str = ""
    contradiction: str = ""


class FolderLayout(Layout):
    """``<folder>/samples/<k>.png`` with the prompt's own line of the official file beside it."""

    summary = "<folder>/samples/<k>.png, and the prompt in <folder>/metadata.jsonl"

    def place(self, source: ImageFiles, names: Names) -> dict[str, Placed]:
        """Where the folders' metadata put their samples.

        The official scorer reads ``samples/<digits>.png`` and nothing else. What lies elsewhere in
        a folder that has samples, or above such folders, is passed over, and so are images of
        other formats beside PNG files, unless they are an expected image that no PNG is of.
        """
        folders = _folders(source, names)
        paths = {name: PurePosixPath(name) for name in source.names}
        sampled = {str(p.parent.parent) for p in paths.values() if p.parent.name == SAMPLES}
        beside = {str(parent) for folder in sampled for parent in PurePosixPath(folder).parents}
        beside |= sampled
        numbers: dict[PurePosixPath, set[int]] = {}
        for path in paths.values():
            if path.suffix.lower() == PNG and is_number(path.stem):
                numbers.setdefault(path.parent, set()).add(int(path.stem))
        placed: dict[str, Placed] = {}
        for name, path in paths.items():
            folder = path.parent.parent
            if path.name == METADATA:
                continue
            if path.stem == GRID and path.parent.name != SAMPLES:
                placed[name] = PassedOver("the official script's sheet of all samples of a prompt")
            elif path.parent.name != SAMPLES and SAMPLES in path.parts:
                placed[name] = PassedOver(f"below a sample; {_NOT_READ}")
            elif str(path.parent) in beside and not is_number(path.stem):
                placed[name] = PassedOver(f"beside the samples; {_NOT_READ}")
            elif _beside_png(path, numbers.get(path.parent), names.images_per_prompt):
                placed[name] = PassedOver(f"beside PNG files; {_NOT_READ}")
            elif path.parent.name != SAMPLES or not is_number(path.stem):
                placed[name] = f"expected <folder>/{SAMPLES}/<digits>.png"
            elif (found := folders.get(str(folder))) is None:
                placed[name] = f"{folder}/{METADATA} is missing"
            elif found.prompt is None or found.contradiction:
                placed[name] = found.why or found.contradiction
            else:
                placed[name] = found.prompt.id, int(path.stem)
        return placed

    def texts(self, source: ImageFiles, names: Names) -> dict[str, str]:
        """The text in the metadata of each file's folder."""
        folders = _folders(source, names)
        told = {}
        for name in source.names:
            folder = folders.get(str(PurePosixPath(name).parent.parent))
            if folder is not None and folder.text is not None:
                told[name] = folder.text
        return told

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
                f"{folders[prompt_id]}/metadata.jsonl": _made_from(lines, prompt_id, names)
                for prompt_id in sorted(used)
            },
        )


LAYOUT = FolderLayout()


def _beside_png(path: PurePosixPath, numbers: set[int] | None, images_per_prompt: int) -> bool:
    """Whether a file of another format stands for no expected image that PNG files lack."""
    if path.suffix.lower() == PNG or not numbers:
        return False
    if not is_number(path.stem) or int(path.stem) in numbers:
        return True
    return int(path.stem) >= images_per_prompt


def _folders(source: ImageFiles, names: Names) -> dict[str, Folder]:
    """What each folder with a ``metadata.jsonl`` is about, by its name in the source.

    The official scorer goes by the metadata and never looks at the number, and runs in parts may
    number their folders from 0: where no number of a directory is its prompt's, none counts.
    """
    found = {
        str(PurePosixPath(name).parent): _folder(source, name, names)
        for name in source.names
        if PurePosixPath(name).name == METADATA
    }
    numbers: dict[PurePosixPath, list[bool]] = {}
    for folder, said in found.items():
        path = PurePosixPath(folder)
        if said.prompt is not None and is_number(path.name):
            agrees = _numbered(path.name, names) == said.prompt
            numbers.setdefault(path.parent, []).append(agrees)
    own = {at for at, agree in numbers.items() if len(agree) >= _OWN_NUMBERS and not any(agree)}
    return {
        folder: replace(said, contradiction="") if PurePosixPath(folder).parent in own else said
        for folder, said in found.items()
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
    contradiction = ""
    other = _numbered(where.name, names)
    if text != prompt.text and other not in (None, prompt):
        assert other is not None
        contradiction = (
            f"its metadata are of prompt {prompt.id} and its number is that of {other.id}: name "
            f"the folder {prompt.id}, or correct the metadata"
        )
    return Folder(prompt, text, contradiction=contradiction)


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
    same = names.by_number.get(int(folder), ()) if is_number(folder) else ()
    return same[0] if len(same) == 1 else None


def _official_lines(names: Names) -> dict[str, bytes]:
    """A prompt's line of the official prompt file where that is JSON Lines, else a small object."""
    lines = names.official().splitlines()
    if len(lines) == len(names.prompts) and all(map(_says, lines, names.prompts)):
        return {p.id: line + b"\n" for p, line in zip(names.prompts, lines, strict=True)}
    return {
        prompt.id: json.dumps({"tag": prompt.task, "prompt": prompt.text}).encode() + b"\n"
        for prompt in names.prompts
    }


def _made_from(lines: Mapping[str, bytes], prompt_id: str, names: Names) -> bytes:
    """A prompt's line with the text that its images were made from, as those who rewrite do.

    Its metadata must still say which prompt it is.
    """
    if prompt_id not in names.sent or not names.by_judged:
        return lines[prompt_id]
    record = {**json.loads(lines[prompt_id]), "prompt": names.sent[prompt_id]}
    return f"{json.dumps(record)}\n".encode()


def _says(line: bytes, prompt: Prompt) -> bool:
    try:
        record = json.loads(line)
    except ValueError:
        return False
    return isinstance(record, dict) and record.get("prompt") == prompt.text
