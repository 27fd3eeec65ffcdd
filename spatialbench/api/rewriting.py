"""From what a user gives as prompt transform to the run that it makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import plugins
from ..errors import UserError
from ..plugins import Benchmark, PromptTransform
from ..plugins.layout import Names
from ..plugins.members import checked
from ..prompt_transforms import (
    FILE,
    IDENTITY_KEY,
    NONE,
    GivenTexts,
    Transformed,
    is_given,
    with_transform,
)

if TYPE_CHECKING:
    from ..runs.opening import RunSpec

Rewriting = str | Mapping[str, str] | PromptTransform
"""``NAME``, ``path/to/file.py:NAME``, ``file:PATH[#FIELD]``, ``file/HASH`` of a run that is there,
texts by prompt id or original text, or a transform."""

_PREFIX = f"{FILE}:"


def rewritten(
    plain: RunSpec,
    given: Rewriting | None,
    out: Path | None,
    notice: Callable[[str], None],
) -> RunSpec:
    """The run with its prompts rewritten; the plain one for None and ``none``.

    A file is needed once: a run that was begun with it goes on with the texts that it holds.

    Args:
        out: where the run lies; None for its own folder.
        notice: told where the texts of a run are taken because the file is gone.

    Raises:
        UserError: an unknown name, a file that cannot be used, or that is gone and no run has its
            texts.
    """
    if given is None or given == NONE:
        return plain
    if isinstance(given, str) and not given.startswith(_PREFIX) and not is_given(given):
        if given not in plugins.names("prompt transform") and Path(given).is_file():
            raise UserError(
                f"--prompt-transform {given} names a file: give {_PREFIX}{given} for the texts in "
                "it, or path/to/file.py:NAME for a transform of your own."
            )
        return replace(plain, generator=with_transform(plain.generator, given))
    transform = _transform(plain, given, out, notice)
    return replace(plain, generator=Transformed(plain.generator, transform))


def texts_of(given: str | Mapping[str, str], benchmark: Benchmark, subset: str) -> GivenTexts:
    """The texts of ``file:PATH[#FIELD]`` or of a mapping, for the prompts of a subset.

    Raises:
        UserError: see ``prompt_transforms.text_matching``.
    """
    from ..prompt_transforms.text_file import path_and_field
    from ..prompt_transforms.text_matching import texts_of_file, texts_of_mapping

    names = _names(benchmark, subset)
    others = partial(_others, benchmark, subset)
    if not isinstance(given, str):
        return GivenTexts(texts_of_mapping(given, names, others))
    place = given.removeprefix(_PREFIX)
    return GivenTexts(texts_of_file(place, names, others), str(path_and_field(place)[0]))


def _transform(
    plain: RunSpec, given: Any, out: Path | None, notice: Callable[[str], None]
) -> PromptTransform:
    from ..prompt_transforms.text_file import path_and_field

    if isinstance(given, PromptTransform):
        transform: PromptTransform = checked(given, PromptTransform, f"the transform {given!r}")
        return transform
    if is_given(given):
        return _of_a_run(
            {folder: texts for folder, texts in _begun(plain, out).items() if texts == given},
            plain,
            f"no run of this method with these settings has the rewritten prompts {given}: give "
            "--prompt-transform file:PATH, or the --out of the run that has them",
        )
    if isinstance(given, Mapping):
        return texts_of(given, plain.benchmark, plain.subset)
    if not isinstance(given, str):
        raise UserError(
            f"a {type(given).__name__} cannot rewrite prompts: give a name, file:PATH, a "
            "dictionary from prompt ids to texts, or a PromptTransform."
        )
    path = path_and_field(given.removeprefix(_PREFIX))[0]
    if given == _PREFIX:
        raise UserError("--prompt-transform file: names no file: give file:PATH.")
    if path.exists():
        return texts_of(given, plain.benchmark, plain.subset)
    begun = _begun(plain, out)
    found = _of_a_run(begun, plain, f"there is no file {path}: give --prompt-transform file:PATH")
    notice(f"there is no file {path}: the texts that {next(iter(begun))} was begun with are used")
    return found


def _of_a_run(begun: Mapping[Path, str], plain: RunSpec, otherwise: str) -> GivenTexts:
    """The texts of one run; UserError where there is none, or where several have different ones."""
    from ..runs.stored_texts import read_texts

    if len(set(begun.values())) == 1:
        folder, signature = next(iter(begun.items()))
        return read_texts(folder, signature, plain.benchmark.prompts(plain.subset))
    ways = " or ".join(f"{texts} ({folder})" for folder, texts in begun.items())
    raise UserError(f"{otherwise}{f', or go on with the texts {ways}' if ways else ''}.")


def _begun(plain: RunSpec, out: Path | None) -> dict[Path, str]:
    """Runs that differ from this one in their given texts alone, and what these are."""
    from ..runs.identity import differences
    from ..runs.manifest import NAME, read_manifest
    from ..runs.stored_texts import given_signature

    like = replace(plain, generator=Transformed(plain.generator, GivenTexts({})))
    begun = {}
    for manifest in [out / NAME] if out else sorted(like.folder().parent.glob(f"*/{NAME}")):
        try:
            identity = read_manifest(manifest.parent).identity
        except UserError:
            continue
        signature = given_signature(identity["generator"])
        generator = {**like.identity["generator"], IDENTITY_KEY: signature}
        if signature and not differences(identity, {**like.identity, "generator": generator}):
            begun[manifest.parent] = signature
    return begun


def _names(benchmark: Benchmark, subset: str) -> Names:
    return Names(benchmark.prompts(subset), benchmark.images_per_prompt, benchmark.judged_metadata)


def _others(benchmark: Benchmark, subset: str) -> Iterator[Names]:
    """The other subsets of a benchmark, as far as their prompts are here."""
    for name in benchmark.subsets:
        if name != subset:
            with suppress(UserError):
                yield _names(benchmark, name)
