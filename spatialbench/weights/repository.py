"""What the Hub says of a repository before anything of it is downloaded: its newest commit, its
files and their sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import NotHere, UserError
from ..files.documents import read_json
from ..files.downloads import forbidden
from .hub import (
    PATIENCE,
    HubSource,
    Unreachable,
    is_commit,
    licence_first,
    no_answer,
    no_commit,
    no_repository,
    note_silent,
    repository_folder,
    silent_since,
    snapshot_folder,
    unreachable,
)

_newest: dict[str, str] = {}
"""By repository, the commit that the Hub called the newest in this process."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A commit of a repository, as the Hub lists it.

    Attributes:
        source: the repository and the commit.
        files: bytes by path in the repository; None where the Hub does not say.
        gated: whether its files are given only to those who accepted a licence.
        base: the repositories that its card names as what it was made from.
        adapter: whether its card calls it a LoRA.
    """

    source: HubSource
    files: Mapping[str, int | None]
    gated: bool = False
    base: tuple[str, ...] = ()
    adapter: bool = False


def ask(repo: str, revision: str | None = None) -> Repository:
    """Ask the Hub once for a commit of a repository, the newest where none is named.

    Raises:
        Unreachable: no answer of a Hub; said within seconds.
        UserError: no such repository or commit, or one that is not given to this user.
    """
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if failure := silent_since():
        raise unreachable(repo, failure) from failure
    if failure := no_answer(repo):
        note_silent(failure)
        raise unreachable(repo, failure) from failure
    patience: Any = PATIENCE
    try:
        info = HfApi().model_info(repo, revision=revision, files_metadata=True, timeout=patience)
    except GatedRepoError as error:
        raise licence_first(repo) from error
    except RepositoryNotFoundError as error:
        raise no_repository(repo) from error
    except RevisionNotFoundError as error:
        raise no_commit(HubSource(repo, str(revision))) from error
    except Exception as error:  # the hub client's, and those of its HTTP library
        status = error.response.status_code if isinstance(error, HfHubHTTPError) else 503
        if status < 500 and status != 429:
            raise UserError(
                f"the Hub does not say what {repo} holds ({str(error).splitlines()[0]}): check "
                f"https://huggingface.co/{repo} and your token ('hf auth whoami'), then type the "
                "command again."
            ) from error
        note_silent(error)
        raise unreachable(repo, error) from error
    if info.sha is None or not is_commit(info.sha):
        raise UserError(
            f"{constants.ENDPOINT} names no commit of {repo}: it is no Hub that can be pinned; "
            "give a local folder."
        )
    files = {file.rfilename: file.size for file in info.siblings or ()}
    base = getattr(info.card_data, "base_model", None) or ()
    named = (base,) if isinstance(base, str) else tuple(str(one) for one in base)
    adapter = "lora" in (info.tags or ())
    return Repository(HubSource(repo, info.sha), files, bool(info.gated), named, adapter)


def newest(repo: str, *, offline: bool) -> tuple[HubSource, str]:
    """The newest commit of a repository, or the cache's where the Hub cannot be asked.

    Returns:
        the commit, and a sentence on where it is from.

    Raises:
        UserError: no such repository; or it is in no cache, and the Hub cannot be asked.
    """
    if not (offline or forbidden()):
        try:
            found = ask(repo).source
        except Unreachable as error:
            cached = cached_commit(repo)
            if cached is None:
                raise
            why = str(error).partition(": ")[2].partition("; ")[0]
            return cached, f"{repo}: the commit in the cache, {cached.revision} ({why})"
        _newest[repo] = found.revision
        return found, f"{repo}: the newest commit, {found.revision} ('@{found.revision}' pins it)"
    cached = cached_commit(repo)
    if cached is None:
        raise NotHere(
            f"{repo} is not in the local cache; with a network, type 'spatialbench fetch {repo}' "
            "first, then run offline."
        )
    return cached, f"{repo}: the commit in the cache, {cached.revision} (offline)"


def cached_commit(repo: str) -> HubSource | None:
    """The commit that the Hub's cache has of a repository: what it calls ``main``, else the one
    that was downloaded last."""
    folder = repository_folder(repo)
    try:
        main = (folder / "refs" / "main").read_text().strip()
    except (OSError, ValueError):
        main = ""
    if is_commit(main) and snapshot_folder(HubSource(repo, main)).is_dir():
        return HubSource(repo, main)
    snapshots = folder / "snapshots"
    there = [path for path in _folders(snapshots) if is_commit(path.name)]
    if not there:
        return None
    return HubSource(repo, max(there, key=lambda path: path.stat().st_mtime).name)


def note_newest(source: HubSource) -> None:
    """Have the cache call a downloaded commit ``main``, if the Hub did so in this process.

    So every client of the Hub finds it without a network; a pinned download alone would not tell.
    """
    if _newest.get(source.repo) != source.revision:
        return
    ref = repository_folder(source.repo) / "refs" / "main"
    try:
        ref.parent.mkdir(parents=True, exist_ok=True)
        ref.write_text(source.revision)
    except OSError:
        # A cache that others own; the commit is found by its folder.
        return


def _folders(parent: Path) -> list[Path]:
    return [path for path in parent.iterdir() if path.is_dir()] if parent.is_dir() else []


def cached_files(source: HubSource) -> dict[str, int | None]:
    """The files of a commit that is in the cache, with their bytes: by the list of them that the
    Hub's client keeps beside them, else those that are there."""
    path = repository_folder(source.repo) / "trees" / f"{source.revision}.json"
    try:
        listed = read_json(path)["files"]
        return {str(name): int(entry["size"]) for name, entry in listed.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        folder = snapshot_folder(source)
        there = (path for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.stat().st_size for path in there}
