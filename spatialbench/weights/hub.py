"""Checkpoints on the Hugging Face Hub, by pinned commit: cached, fetched, or said to be missing."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import NotHere, UserError
from ..files.downloads import CONNECT_S, forbidden, require_name
from .patterns import FilePatterns

log = logging.getLogger(__name__)

_COMMIT = re.compile(r"[0-9a-f]{40}")
_REPO = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
"""``./name`` and ``../name`` are folders."""

_ANSWER_S = 10.0
PATIENCE = (CONNECT_S, _ANSWER_S, _ANSWER_S, CONNECT_S)
"""Seconds to connect, to read, to write, and to wait for a free connection. The Hub's client would
try five times in 25."""

_QUIET_S = 5.0
"""Seconds in which a Hub that gave no answer is not asked again: one command asks several times."""

_silent: dict[str, tuple[float, Exception]] = {}
"""By address, when a Hub gave no answer, and what came instead."""


@dataclass(frozen=True, slots=True)
class HubSource:
    """A repository and the full commit (40 hex digits) that fixes its files."""

    repo: str
    revision: str

    def __str__(self) -> str:
        return f"{self.repo}@{self.revision}"


def parse_source(text: str, *, newest: bool = False) -> HubSource | None:
    """Read ``org/name@commit``; None for a text that is no repository name at all.

    Args:
        newest: whether ``org/name`` alone would be taken, which the message then says.

    Raises:
        UserError: a repository without a commit, or with a branch or tag, which can move.
    """
    repo, _, revision = text.partition("@")
    if not _REPO.fullmatch(repo):
        return None
    if not is_commit(revision):
        given = f"{revision!r} can move" if revision else "it names no revision"
        alone = f", or {repo} alone for its newest commit" if newest else ""
        raise NotHere(
            f"{text!r} is not pinned ({given}): give the full commit as {repo}@<40 hex digits>, "
            f"found under https://huggingface.co/{repo}/commits{alone}."
        )
    return HubSource(repo, revision)


def is_repository(text: str) -> bool:
    """Whether a text is ``org/name``, with nothing behind it."""
    return _REPO.fullmatch(text) is not None


def is_commit(text: str) -> bool:
    """Whether a text is a full commit: 40 hexadecimal digits."""
    return _COMMIT.fullmatch(text) is not None


class Unreachable(NotHere):
    """There is no way to the Hub, whatever is asked of it."""


class NoRepository(UserError):
    """The Hub has no repository of that name, or does not show it."""


def snapshot_folder(source: HubSource) -> Path:
    """Where the Hub's cache keeps this commit, whether or not it is there yet."""
    return repository_folder(source.repo) / "snapshots" / source.revision


def repository_folder(repo: str) -> Path:
    """Where the Hub's cache keeps a repository, whether or not it is there yet."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE) / ("models--" + repo.replace("/", "--"))


def first_cached(sources: Sequence[HubSource]) -> HubSource | None:
    """The first source of which the cache holds anything; looks at the disk only."""
    return next((s for s in sources if snapshot_folder(s).is_dir()), None)


def locate(
    source: HubSource, patterns: FilePatterns, *, offline: bool, fetch_name: str | None
) -> Path:
    """The local folder of a pinned commit, downloaded on first use unless ``offline``.

    Args:
        source: repository and commit.
        patterns: the files of the model.
        offline: only look into the cache.
        fetch_name: what ``spatialbench fetch`` calls it; None where it has no name for it.

    Raises:
        UserError: not in the cache while offline, or the download failed; says what to type.
    """
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return _snapshot(source, patterns, local_files_only=True)
    except LocalEntryNotFoundError as error:
        if offline or forbidden():
            command = (
                f"'spatialbench fetch {fetch_name}' first, then run offline"
                if fetch_name
                else "the same command without --offline"
            )
            raise NotHere(
                f"{source} is not in the local cache; with a network, type {command}."
            ) from error
    return fetch(source, patterns)


def fetch(source: HubSource, patterns: FilePatterns) -> Path:
    """Download a pinned commit, completing what the cache already holds of it; its folder.

    Raises:
        Unreachable: there is no network, or no Hub at its other end; told after one try.
        UserError: the download failed; says why and what to try.
    """
    log.info("fetching %s", source)
    return _answered(source, lambda: _snapshot(source, patterns, local_files_only=False))


def fetch_file(source: HubSource, name: str, folder: Path) -> Path:
    """Download one file of a pinned commit into a folder of the caller's, not into the cache.

    Raises:
        UserError: as :func:`fetch`.
    """
    from huggingface_hub import hf_hub_download

    return _answered(
        source,
        lambda: Path(
            hf_hub_download(source.repo, name, revision=source.revision, local_dir=str(folder))
        ),
    )


def _answered(source: HubSource, ask: Callable[[], Path]) -> Path:
    from huggingface_hub.errors import (
        GatedRepoError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    _require_hub(source)
    try:
        return ask()
    except GatedRepoError as error:
        raise licence_first(source.repo) from error
    except RepositoryNotFoundError as error:
        raise no_repository(source.repo) from error
    except RevisionNotFoundError as error:
        raise no_commit(source) from error
    except Exception as error:  # the hub client's, its HTTP library's and the disk's: all end here
        reason = next(iter(str(error).strip().splitlines()), repr(error))
        raise NotHere(
            f"cannot fetch {source} ({reason}); check the network, the space on the disk and that "
            "the repository still exists, then type the command again, or give a local folder."
        ) from error


def licence_first(repo: str) -> NotHere:
    """The error for a repository that is not given to everybody."""
    return NotHere(
        f"{repo} is given only to those who accepted its licence: accept it at "
        f"https://huggingface.co/{repo}, type 'hf auth login', then the command again."
    )


def no_repository(repo: str) -> NoRepository:
    """The error for a repository that is not there, or not for this user."""
    return NoRepository(
        f"there is no repository {repo} on the Hub, or it is private: check its name at "
        f"https://huggingface.co/{repo}; for a private one type 'hf auth login' first."
    )


def no_commit(source: HubSource) -> UserError:
    """The error for a commit that is not in its repository."""
    return UserError(
        f"{source.repo} has no commit {source.revision}: its commits are listed at "
        f"https://huggingface.co/{source.repo}/commits."
    )


def _require_hub(source: HubSource) -> None:
    if error := silent_since() or no_answer(source.repo):
        raise unreachable(str(source), error) from error


def no_answer(repo: str) -> Exception | None:
    """Ask the Hub once, and without patience, for anything at all; None where it answers.

    Its client would ask it for something else first, and wait for that too.
    """
    from huggingface_hub import constants, get_session
    from huggingface_hub.errors import OfflineModeIsEnabled

    try:
        if constants.HF_HUB_OFFLINE:
            raise OfflineModeIsEnabled("HF_HUB_OFFLINE is set")
        require_name(constants.ENDPOINT)
        get_session().head(f"{constants.ENDPOINT}/api/models/{repo}", timeout=PATIENCE)
    except Exception as error:  # of whatever HTTP library the client uses
        return error
    return None


def silent_since() -> Exception | None:
    """What came instead of an answer when the Hub was asked a moment ago; None where it answered,
    or was not asked."""
    from huggingface_hub import constants

    since, failure = _silent.get(constants.ENDPOINT, (0.0, None))
    return failure if time.monotonic() - since < _QUIET_S else None


def note_silent(failure: Exception) -> None:
    """Ask the Hub no more for a moment."""
    from huggingface_hub import constants

    _silent[constants.ENDPOINT] = (time.monotonic(), failure)


def unreachable(what: str, error: Exception) -> Unreachable:
    """The error for a Hub that gives no answer of its own."""
    from huggingface_hub import constants

    reason = next(iter(str(error).strip().splitlines()), repr(error))
    return Unreachable(
        f"cannot fetch {what}: {constants.ENDPOINT} cannot be reached ({reason}); check the "
        "network and type the command again, fetch it where there is a network and copy the "
        f"cache {constants.HF_HUB_CACHE}, or give a local folder."
    )


def _snapshot(source: HubSource, patterns: FilePatterns, *, local_files_only: bool) -> Path:
    from huggingface_hub import snapshot_download

    folder = snapshot_download(
        source.repo,
        revision=source.revision,
        allow_patterns=list(patterns.allow),
        ignore_patterns=list(patterns.ignore),
        local_files_only=local_files_only,
    )
    return Path(folder)
