"""Which files of a repository make a pipeline, and what a repository without one holds instead.

Known from the list of its files and from ``model_index.json`` alone, before anything big is
downloaded.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ..errors import UserError
from ..weights.patterns import FilePatterns
from ..weights.repository import Repository
from ..weights.variants import chosen
from .any_loading import LEFT_OUT

INDEX = "model_index.json"

_BESIDE = (".json", ".txt", ".jinja")
_VOCABULARIES = (".model", ".tiktoken", ".spm", ".bpe")
"""Configurations and vocabularies; never code."""
_PICKLES = (".bin", ".pt", ".pth", ".ckpt")
_LORA = re.compile(r"(^|/)adapter_config\.json$|(?<![a-z])lora|L[oO][rR][aA]")


def parts(index: Mapping[str, Any]) -> list[str]:
    """The parts of a pipeline that its description names and that are loaded, each a folder."""
    return [
        part
        for part, entry in index.items()
        if isinstance(entry, list) and len(entry) == 2 and all(entry) and part not in LEFT_OUT
    ]


def wanted(index: Mapping[str, Any], files: Collection[str]) -> FilePatterns:
    """The files of a repository that its pipeline needs: no pickles, no other precision.

    Args:
        index: its ``model_index.json``.
        files: the paths of everything it holds.
    """
    return FilePatterns(tuple(glob.escape(path) for path in _needed(index, files)))


def _needed(index: Mapping[str, Any], files: Collection[str]) -> Iterator[str]:
    yield INDEX
    for part in parts(index):
        names = _names_in(part, files)
        # Another form of the vocabulary counts where the usual one is missing.
        kinds = _BESIDE if "tokenizer.json" in names else (*_BESIDE, *_VOCABULARIES)
        beside = [n for n in names if n.endswith(kinds) and ".safetensors" not in n]
        yield from (f"{part}/{name}" for name in (*chosen(names).names, *beside))


def _names_in(part: str, files: Collection[str]) -> list[str]:
    """The files that lie in a part's folder itself."""
    names = [path.removeprefix(f"{part}/") for path in files if path.startswith(f"{part}/")]
    return sorted(name for name in names if "/" not in name)


def refuse_without_weights(index: Mapping[str, Any], found: Repository) -> None:
    """Refuse a repository whose pipeline has a part without weights that are loaded here.

    Raises:
        UserError: they are pickled only, or have other names than the libraries know.
    """
    for part in parts(index):
        names = _names_in(part, found.files)
        if chosen(names).names:
            continue
        odd = [name for name in names if name.endswith(".safetensors")]
        if odd:
            raise UserError(
                f"{found.source.repo} has the weights of its {part} under names that no library "
                f"loads ({', '.join(odd[:3])}); expected those that save_pretrained gives: look "
                "for another repository of the same model, or give a folder that you wrote with it."
            )
        pickled = [name for name in names if name.endswith(_PICKLES)]
        if pickled:
            raise UserError(
                f"{found.source.repo} has only pickled weights of its {part} "
                f"({', '.join(pickled[:3])}), and reading them can run code; expected "
                ".safetensors: look for a conversion of the same model, or load it where you "
                "trust it, write it with save_pretrained(FOLDER, safe_serialization=True), and "
                "give that folder."
            )


def no_pipeline(
    what: str, files: Collection[str], base: Collection[str] = (), *, adapter: bool = False
) -> UserError:
    """The error for a repository or folder without a ``model_index.json``, by what it holds.

    Args:
        what: the repository or folder, as the user named it.
        files: the paths of everything it holds.
        base: the repositories that it says it was made from.
        adapter: whether it says that it is a LoRA.
    """
    weights = [path for path in sorted(files) if path.endswith((".safetensors", *_PICKLES))]
    named = [path for path in files if path in weights or path.endswith(".json")]
    if adapter or any(_LORA.search(path) for path in named):
        on = " or ".join(base) or "THE MODEL IT WAS TRAINED ON"
        return UserError(
            f"{what} holds a LoRA and no model (it has no {INDEX}): give the model with --backbone "
            f"and this beside it: --method lora --set lora={what} --backbone {on}."
        )
    if "config.json" in files:
        return UserError(
            f"{what} holds one model of its own (it has a config.json and no {INDEX}); expected a "
            "diffusers pipeline: give the repository or folder of the whole pipeline."
        )
    if weights:
        return UserError(
            f"{what} holds single files of weights ({', '.join(weights[:3])}) and no pipeline (it "
            f"has no {INDEX}): look for its diffusers version, often called NAME-diffusers, or "
            "convert it with from_single_file of diffusers and save_pretrained(FOLDER), and give "
            "that folder."
        )
    return UserError(
        f"{what} is not a diffusers pipeline (it has no {INDEX}); give a repository or folder "
        "written by save_pretrained of a text-to-image pipeline."
    )
