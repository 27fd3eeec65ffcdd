"""Small data files of other projects: downloaded once, checked against their hash, then cached."""

from __future__ import annotations

import os
import queue
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..errors import NotHere, UserError


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file at a fixed address; ``sha256`` is 64 hex digits of its content."""

    name: str
    url: str
    sha256: str


def forbidden() -> bool:
    """Whether this process takes nothing from the network, whatever its options say.

    So it is in the workers of a cluster (``SPATIALBENCH_OFFLINE``): the driver downloads, once.
    """
    return os.environ.get("SPATIALBENCH_OFFLINE", "") not in ("", "0")


CONNECT_S = 2.0
"""Seconds until an address counts as out of reach, and again until its name counts as unknown."""


def download(url: str, known: str | None, name: str, folder: Path) -> None:
    """Download a file to ``folder/name`` by pooch, in silence.

    Args:
        known: ``sha256:...``; None for a content that the caller checks.

    Raises:
        OSError: no way there, told after seconds, or the folder cannot be written.
        ValueError: another content than the known one.
    """
    import pooch

    plain = pooch.HTTPDownloader(timeout=(CONNECT_S, 30))

    def known_host(url: str, output_file: Any, pooch: Any) -> None:
        require_name(url)
        plain(url, output_file, pooch)

    log = pooch.get_logger()
    level = log.level
    log.setLevel("ERROR")
    try:
        pooch.retrieve(url, known, name, folder, downloader=known_host)
    finally:
        log.setLevel(level)


def require_name(url: str) -> None:
    """Look the host of an address up, and wait no longer for that than for a connection.

    No time limit of a client's holds for it: where a name server is set and none answers, it takes
    half a minute. Behind a proxy nothing is looked up here.

    Raises:
        OSError: the host has no address, or nobody says which.
    """
    # A client of HTTP with its certificates, for whoever only asks what a repository is called.
    from urllib.request import getproxies

    parts = urlsplit(url)
    if parts.hostname is None or getproxies().get(parts.scheme):
        return
    host, outcome = parts.hostname, queue.SimpleQueue[Exception | None]()

    def look_up() -> None:
        try:
            socket.getaddrinfo(host, parts.port or 443)
        except OSError as error:
            outcome.put(error)
        else:
            outcome.put(None)

    threading.Thread(target=look_up, daemon=True, name="look up a host").start()
    try:
        error = outcome.get(timeout=CONNECT_S)
    except queue.Empty:
        raise TimeoutError(f"no name server answers for {host}") from None
    if error is not None:
        raise error


def cache_folder() -> Path:
    """Where downloads are kept: ``$SPATIALBENCH_CACHE``, else the system's cache folder."""
    chosen = os.environ.get("SPATIALBENCH_CACHE")
    if chosen:
        return Path(chosen)
    import pooch

    return Path(pooch.os_cache("spatialbench"))


def retrieve(file: RemoteFile, owner: str, *, offline: bool = False) -> Path:
    """The local copy of a file, downloaded if need be.

    Args:
        file: what to get.
        owner: what ``spatialbench fetch`` calls the benchmark or detector it belongs to; also the
            folder of the cache.
        offline: only look into the cache.

    Raises:
        UserError: not in the cache while offline, no network, another content than expected, or a
            cache that cannot be written.
    """
    import pooch

    folder = cache_folder() / owner
    path = folder / file.name
    if path.is_file() and pooch.file_hash(str(path), alg="sha256") == file.sha256:
        return path
    if offline or forbidden():
        raise NotHere(
            f"{file.name} of {owner} is not in the cache {folder}; with a network, type "
            f"'spatialbench fetch {owner}' first, then work offline."
        )
    try:
        download(file.url, f"sha256:{file.sha256}", file.name, folder)
    except ValueError as error:
        raise UserError(
            f"{file.url} is not the file it was (its sha256 is not {file.sha256[:12]}...); it was "
            "not kept: get a newer spatialbench, or report it."
        ) from error
    except PermissionError as error:
        raise UserError(
            f"cannot write to the cache {folder}: make it writable, or set SPATIALBENCH_CACHE to a "
            "folder that is."
        ) from error
    except OSError as error:
        raise UserError(
            f"cannot download {file.url} ({type(error).__name__}): check the network and type "
            f"'spatialbench fetch {owner}' again, or put the file at {path}."
        ) from error
    return path


def retrieve_all(files: Sequence[RemoteFile], owner: str) -> list[Path]:
    """All files of an owner; stops at the first that cannot be had."""
    return [retrieve(file, owner) for file in files]
