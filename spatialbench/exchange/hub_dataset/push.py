"""Uploading a run as a data set of the Hugging Face Hub."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from ...errors import UserError, typed
from ...files.downloads import forbidden
from ...reports.scored import ScoredRun, load_scored
from ...runs.opening import Run
from ...runs.progress import Progress, Silent
from .folder import METADATA, MISSING, SUMMARY, export_hub, plan, summary_file

STAGE = "push"
_REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9_][\w.-]{0,95}", re.ASCII)
_PATIENCE = (2.5, 10.0, 10.0, 2.5)
"""Seconds to connect, to read, to write, and to wait for a free connection."""
_UNAUTHORIZED, _FORBIDDEN, _CONFLICT = 401, 403, 409

_OURS = ("images/*", f"{SUMMARY}/*", ".eval_results/*", METADATA, MISSING)
"""What an upload may take away of an earlier one of the same run."""
_THEIRS = ("README.md", ".gitattributes")
"""What a repository holds before anybody uploads."""

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Upload:
    """What a push would send.

    Attributes:
        images: how many; ``expected`` how many the run asks for.
        files: how many beside them.
        bytes: of all.
        token: whether there is one.
    """

    repo: str
    private: bool
    images: int
    expected: int
    files: int
    bytes: int
    token: bool


def require_repo(repo: str) -> str:
    """The name of a data set. Raises UserError for anything but ``ORG/NAME``."""
    if not _REPO.fullmatch(repo) or ".." in repo or "--" in repo or repo.endswith((".git", ".")):
        raise UserError(
            f"{repo!r} is no name of a data set: expected ORG/NAME, such as me/my-images, of "
            "letters, digits, '-', '_' and '.'."
        )
    return repo


def planned(run: Run, repo: str, private: bool, progress: Progress) -> Upload:
    """What ``push`` would send; asks the disk only.

    Raises:
        UserError: as ``push``, but for what the Hub would answer.
    """
    from huggingface_hub import get_token

    require_repo(repo)
    scored = load_scored(run)
    finished = run.directory.finished_images(progress.notice)
    keys = [key for key in run.expected.keys() if key in finished]  # noqa: SIM118
    if not keys:
        first = run.manifest.images_first
        raise UserError(f"{run.path} has no finished image to upload: {first}.")
    files = plan(scored, keys, repo).files
    size = sum(finished[key].bytes for key in keys) + sum(map(len, files.values()))
    token = get_token() is not None
    return Upload(repo, private, len(keys), run.expected.images, len(files), size, token)


def push(run: Run, repo: str, *, private: bool, replace: bool, progress: Progress) -> str:
    """Upload the folder of ``export_hub``; returns the address of the data set.

    Whether there is a token, and whether the Hub answers and takes it, is known before anything is
    written. The same command again continues an interrupted upload, and changes nothing after a
    complete one.

    Args:
        private: a new data set is visible to its owner only; one that is there stays as it is.
        replace: also over a data set that holds other files, or another run.

    Raises:
        UserError: no token, no way to the Hub, a name that is taken, no permission; as
            ``export_hub``.
    """
    from huggingface_hub import HfApi, constants
    from huggingface_hub.utils import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    require_repo(repo)
    scored = load_scored(run)
    again = typed("push", run.path, repo, *(["--private"] if private else []))
    api = HfApi(endpoint=constants.ENDPOINT, token=_token(again))
    _require_hub(api, again)
    _repository(api, repo, private, again)
    held = set(_asked(again, lambda: _files(api, repo)))
    if not replace:
        _refuse_others(repo, held, scored, again)
    ours = summary_file(scored) in held
    kept = _asked(again, lambda: _front_matter(api, repo)) if ours else {}
    with _folder(run, repo, kept, progress) as folder:
        shown = not are_progress_bars_disabled()
        if isinstance(progress, Silent) or not sys.stderr.isatty():
            disable_progress_bars()
        try:
            _asked(
                again,
                lambda: api.upload_folder(
                    repo_id=repo,
                    folder_path=folder,
                    repo_type="dataset",
                    commit_message=f"spatialbench run {run.manifest.id}",
                    # Asking for them costs a request, and an empty repository has none.
                    delete_patterns=list(_OURS) if held - set(_THEIRS) else None,
                ),
            )
        finally:
            if shown:
                enable_progress_bars()
    return f"{constants.ENDPOINT}/datasets/{repo}"


def _token(again: str) -> str:
    from huggingface_hub import get_token

    token: str | None = get_token()
    if token is None:
        raise UserError(
            "there is no token of the Hugging Face Hub: type 'hf auth login', or set HF_TOKEN to "
            f"one that may write, then '{again}'."
        )
    return token


def _require_hub(api: Any, again: str) -> None:
    """Ask the Hub once, and without patience, who we are."""
    from huggingface_hub import get_session
    from huggingface_hub.utils import build_hf_headers

    if forbidden():
        raise UserError(f"SPATIALBENCH_OFFLINE forbids the network: unset it, then type '{again}'.")
    try:
        answer = get_session().get(
            f"{api.endpoint}/api/whoami-v2",
            headers=build_hf_headers(token=api.token),
            timeout=_PATIENCE,
        )
    except Exception as error:  # of whatever HTTP library the client uses
        raise UserError(
            f"{api.endpoint} cannot be reached ({_first_line(error)}): nothing was uploaded. With "
            f"a network, type '{again}'."
        ) from error
    if answer.status_code in (_UNAUTHORIZED, _FORBIDDEN):
        raise UserError(
            f"{api.endpoint} does not take the token: type 'hf auth login' with a new one, or "
            f"correct HF_TOKEN, then '{again}'."
        )


def _repository(api: Any, repo: str, private: bool, again: str) -> None:
    """Make the data set, or find it there."""
    from huggingface_hub.errors import HfHubHTTPError

    try:
        api.create_repo(repo, repo_type="dataset", private=private or None)
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else None
        if status == _CONFLICT:
            return
        raise UserError(
            f"the data set {repo} cannot be made ({_first_line(error)}): give the name of a user "
            f"or an organization that the token may write to, then type '{again}'."
        ) from error
    except Exception as error:  # the HTTP library's
        raise _interrupted(error, again) from error


def _files(api: Any, repo: str) -> list[str]:
    from huggingface_hub.errors import EntryNotFoundError, RevisionNotFoundError

    try:
        files: list[str] = api.list_repo_files(repo, repo_type="dataset")
    except (EntryNotFoundError, RevisionNotFoundError):
        return []
    return files


def _front_matter(api: Any, repo: str) -> dict[str, Any]:
    """What the card's owner wrote there, such as a license."""
    card = api.dataset_info(repo).card_data
    return {} if card is None else dict(card.to_dict())


def _refuse_others(repo: str, held: set[str], scored: ScoredRun, again: str) -> None:
    """Refuse a data set that holds what is not of this run."""
    others = {name for name in held if PurePosixPath(name).parts[0] == SUMMARY}
    if others == {summary_file(scored)} or held <= set(_THEIRS):
        return
    what = f"the run {PurePosixPath(min(others)).stem}" if others else "other files"
    raise UserError(
        f"the data set {repo} holds {what}: give another name, or add --replace to put this run in "
        f"its place: '{again} --replace'."
    )


@contextmanager
def _folder(run: Run, repo: str, kept: Mapping[str, Any], progress: Progress) -> Iterator[Path]:
    """The folder to upload, beside the run so that its images are not copied; removed after it.

    One that an interrupted upload left is used again where it is still that of the run.
    """
    place = run.path.absolute()
    folder = place.with_name(f".{place.name}.{STAGE}")
    if not os.access(folder.parent, os.W_OK):
        raise UserError(
            f"{folder.parent} cannot be written, and what is uploaded is put together there: make "
            "it writable, or copy the run."
        )
    try:
        try:
            export_hub(run, folder, progress, repo, kept)
        except UserError:
            if not folder.is_dir() or folder.is_symlink():
                raise
            shutil.rmtree(folder)
            export_hub(run, folder, progress, repo, kept)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _asked(again: str, ask: Callable[[], Answer]) -> Answer:
    try:
        return ask()
    except UserError:
        raise
    except Exception as error:  # the hub client's, its HTTP library's and the disk's: all end here
        raise _interrupted(error, again) from error


def _interrupted(error: Exception, again: str) -> UserError:
    return UserError(
        f"the upload did not end ({_first_line(error)}): '{again}' goes on where it stopped."
    )


def _first_line(error: Exception) -> str:
    """What a library says, without the token: some quote the headers that they do not like."""
    from huggingface_hub import get_token

    first = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
    token = get_token()
    shown = (token or "", repr(token)[1:-1]) if token else ()
    for secret in shown:
        first = first.replace(secret, "***")
    return first
