"""Repository names and failed downloads; the network is never asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from spatialbench.checkpoints.hub import (
    HubSource,
    fetch,
    first_cached,
    locate,
    parse_source,
    snapshot_folder,
)
from spatialbench.checkpoints.patterns import FilePatterns
from spatialbench.errors import UserError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SOURCE = HubSource("org/model", COMMIT)
FILES = FilePatterns(allow=("*.json", "*.safetensors"), ignore=("*.fp16.*",))


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def test_parse() -> None:
    assert parse_source(f"org/model@{COMMIT}") == SOURCE
    assert str(SOURCE) == f"org/model@{COMMIT}"
    for text in ("model", "", "a/b/c", "/abs", "org/", "sd1.4", f"model@{COMMIT}"):
        assert parse_source(text) is None
    for text in ("org/model", "org/model@", "org/model@main", f"org/model@{COMMIT.upper()}"):
        with pytest.raises(UserError, match=r"not pinned .* org/model@<40 hex digits>"):
            parse_source(text)


def test_the_cache_is_where_the_hub_keeps_it(cache: Path) -> None:
    from huggingface_hub import snapshot_download

    folder = snapshot_folder(SOURCE)
    assert first_cached([SOURCE]) is None
    folder.mkdir(parents=True)
    assert first_cached([HubSource("other/model", COMMIT), SOURCE]) == SOURCE
    theirs = snapshot_download(
        SOURCE.repo, revision=COMMIT, local_files_only=True, cache_dir=str(cache)
    )
    assert Path(theirs) == folder
    assert locate(SOURCE, FILES, offline=True, fetch_name="model") == folder


@pytest.mark.usefixtures("cache")
def test_absent_while_offline_says_what_to_type() -> None:
    for name, command in (("m", "'spatialbench fetch m' first"), (None, "without --offline")):
        with pytest.raises(UserError, match=command):
            locate(SOURCE, FILES, offline=True, fetch_name=name)


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("error", [OSError("disk full"), RuntimeError(""), ValueError("a\nb")])
def test_whatever_fails_in_a_download_is_told(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> str:
        raise error

    monkeypatch.setattr("huggingface_hub.snapshot_download", fail)
    with pytest.raises(UserError, match=r"cannot fetch org/model@.*type the command again") as e:
        fetch(SOURCE, FILES)
    assert "\n" not in str(e.value)
