"""Where the fuzzed readers work: no download, no disk to wait for, packages looked up once."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from .result_readers import T2I_LINES


def surroundings(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Prompt files of the tests' own for T2I-CompBench, and no cost that is not reading."""
    from spatialbench.benchmarks.t2i_compbench import prompts, sources
    from spatialbench.statistics import bootstrap

    contents = {prompts.CATEGORIES[name].file: text for name, text in T2I_LINES.items()}
    contents[sources.OBJECTS] = "dog - dogs\ncat - cats\n"
    for name, text in contents.items():
        (folder / name).write_text(text)
        patch.setitem(sources._SHA256, name, hashlib.sha256(text.encode()).hexdigest())
    patch.setenv(sources.FOLDER_VARIABLE, str(folder))
    patch.setattr("os.fsync", lambda handle: None)
    patch.setattr(bootstrap, "intervals", functools.partial(bootstrap.intervals, resamples=20))
    patch.setattr("spatialbench.plugins.discovery.entry_points", functools.cache(entry_points))


@pytest.fixture(scope="module", autouse=True)
def fast_surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        surroundings(tmp_path_factory.mktemp("prompts"), patch)
        yield
