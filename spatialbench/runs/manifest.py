"""The manifest of a run: its identity, what was last asked of it, and the machines it ran on."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from .. import plugins
from ..errors import UserError, typed
from ..files.documents import first_error, parse_json, read_limited
from ..files.shown_text import inert_line
from ..prompt_transforms import IDENTITY_KEY, is_other_version
from .files import SCRATCH, create_atomic, write_if_other
from .identity import differences, run_id
from .machine import Machine
from .selection import Selection

NAME = "manifest.json"
_VERSION = 1


_FIELDS = {"benchmark": str, "subset": str, "seeds": str, "prompt_set": str, "generator": dict}


def _complete(identity: dict[str, Any]) -> dict[str, Any]:
    """An identity with at least what every run's has, so that nobody looks for it in vain."""
    for name, kind in _FIELDS.items():
        if not isinstance(identity.get(name), kind):
            raise ValueError(f"the identity has no {name}")
    return identity


LONGEST_NAME = 80
"""Characters of what a user calls a run."""


def checked_name(name: str, option: str = "--name") -> str:
    """A name for tables: some text on one line, without blanks around it.

    Raises:
        UserError: no text, more than ``LONGEST_NAME`` characters, or characters that are not shown,
            such as an end of a line.
    """
    found = name.strip()
    if not found:
        raise UserError(f"{option} gives no text: give a name, or leave it out.")
    if len(found) > LONGEST_NAME:
        raise UserError(
            f"{option} has {len(found):,} characters: give a name of at most {LONGEST_NAME}."
        )
    if inert_line(found) != found:
        raise UserError(
            f"{option} {found!r} has characters that are not shown, such as an end of a line: "
            "leave them out."
        )
    return found


def _name(name: str | None) -> str | None:
    """The same of a manifest, whoever wrote it."""
    try:
        return None if name is None else checked_name(name, "its name")
    except UserError as error:
        raise ValueError(str(error)) from error


class Manifest(BaseModel):
    """``manifest.json``.

    ``identity`` decides the pixels and the expected set; ``machines`` only describes, one entry
    for each distinct set-up that worked on the run.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    manifest_version: Literal[1] = 1
    id: str
    identity: Annotated[dict[str, Any], AfterValidator(_complete)]
    selection: Selection
    """Of the last command that made images."""
    machines: list[Machine]
    command: str | None = None
    """What was last typed to make images."""
    resolved: str | None = None
    """The backbone as it was named without a commit; the identity has the commit it stood for."""
    name: Annotated[str | None, AfterValidator(_name)] = None
    """What its user calls the run in tables; left out of the file where nobody said."""
    until: str | None = None
    """The interval that decided how many prompts there are; left out where nobody asked."""

    @property
    def again(self) -> str | None:
        """The command as one may type it again, or None.

        The file may come from a stranger: only a command that makes images is shown, every word of
        it quoted, and without the address of a cluster.
        """
        try:
            words = shlex.split(self.command or "")
        except ValueError:
            return None
        odd = "$'" in (self.command or "") or any(inert_line(word) != word for word in words)
        if odd or words[:1] != ["spatialbench"] or not _makes_images(words[1:3]):
            return None
        while "--address" in words:
            place = words.index("--address")
            del words[place : place + 2]
        return shlex.join(word for word in words if not word.startswith("--address="))

    @property
    def images_first(self) -> str:
        """What to do where there is no image yet, as the end of a sentence."""
        if self.again is not None:
            return f"type '{self.again}' first"
        return "make them first, by what began the run: its import, or its script in Python"

    def text(self) -> str:
        """The file's content."""
        unsaid: dict[str, Any] = {
            name: True for name in ("resolved", "name", "until") if getattr(self, name) is None
        }
        if self.selection.known_names is None:
            unsaid["selection"] = {"known_names"}
        return self.model_dump_json(indent=2, exclude=unsaid) + "\n"


def _as_before(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """``KEY=VALUE`` of the parameters in which a method's new identity is not like its old one.

    Empty unless they are all that differs, and all are parameters that earlier versions did not
    have; see ``plugins.Parameter``.
    """
    fields = [name for name in old.keys() | new.keys() if old.get(name) != new.get(name)]
    method = str(new.get("method"))
    if fields != ["parameters"] or method not in plugins.names("method"):
        return []
    was, now = old.get("parameters", {}), new["parameters"]
    keys = sorted(key for key in was.keys() | now.keys() if was.get(key) != now.get(key))
    known = plugins.load("method", method).parameters
    before = {key: known[key].before for key in keys if key in known and key not in was}
    told = [f"{key}={value}" for key, value in before.items() if value is not None]
    return told if len(told) == len(keys) else []


def _makes_images(words: list[str]) -> bool:
    return words[:1] in (["run"], ["generate"], ["import"]) or words == ["esplora", "build-data"]


def read_manifest(folder: Path) -> Manifest:
    """Read a run directory's manifest.

    Raises:
        UserError: no manifest, or one that is damaged, of another version, or altered by hand.
    """
    path = folder / NAME
    try:
        content = read_limited(path, below=folder)
        _refuse_newer(path, content)
        manifest = Manifest.model_validate_json(content)
        found = run_id(manifest.identity)
    except (FileNotFoundError, NotADirectoryError):
        way = "such as runs/BENCHMARK/METHOD@BACKBONE/0123456789ab."
        if any(folder.glob(f"*/{NAME}")):
            way = f"such as one of those that '{typed('status', folder)}' lists."
        raise UserError(
            f"{folder} is not a run directory (it has no {NAME}): give the directory that "
            f"'spatialbench run' named, {way}"
        ) from None
    except (ValueError, OSError) as error:
        first = str(error).splitlines()[0]
        if isinstance(error, ValidationError):
            first = first_error(error)
        raise UserError(
            f"{path} cannot be read ({first}): restore it, or give the command that made the run "
            "again with another --out."
        ) from error
    if found != manifest.id:
        raise UserError(
            f"{path} was altered: its identity has the id {found}, not {manifest.id}; restore the "
            "file, or start a new run with another --out."
        )
    return manifest


def _refuse_newer(path: Path, content: bytes) -> None:
    document = parse_json(content)
    version = document.get("manifest_version") if isinstance(document, dict) else None
    if isinstance(version, int) and version > _VERSION:
        raise UserError(
            f"{path} is of version {version}, and this spatialbench reads version {_VERSION}: "
            "install a newer one (pip install --upgrade spatialbench)."
        )


def create_manifest(folder: Path, manifest: Manifest) -> bool:
    """Write the first manifest of a folder; False where another process was faster."""
    return create_atomic(folder / NAME, manifest.text().encode(), folder / SCRATCH)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest, unless the file already says exactly this."""
    write_if_other(folder / NAME, manifest.text().encode(), folder)


def same_identity(folder: Path, old: dict[str, Any], new: dict[str, Any]) -> None:
    """Refuse to mix two identities in one directory.

    Raises:
        UserError: the identities differ; the message names the differing fields.
    """
    fields = differences(old, new)
    if fields:
        way = "give the options it was made with, or another --out."
        before, now = old.get("generator", {}), new.get("generator", {})
        if before.get("method") == now.get("method") and before.get("version") != now.get(
            "version"
        ):
            way = (
                f"version {before.get('version')} of {now.get('method')} made it, and this "
                f"spatialbench has version {now.get('version')}, which makes other images: give "
                f"another --out. '{typed('status', folder)}' says what is there."
            )
        if asked := _as_before(before, now):
            way = (
                "an earlier version made it, or that setting: add "
                f"{' '.join(f'--set {one}' for one in asked)} to go on with it, or give another "
                "--out."
            )
        sent, here = str(before.get(IDENTITY_KEY)), str(now.get(IDENTITY_KEY))
        if is_other_version(sent, here):
            way = (
                f"the prompt transform {sent} rewrote its prompts, and {here} is installed, which "
                "may write other texts: detect, score and show it as it is, and give another "
                "--out for new images."
            )
        raise UserError(
            f"{folder} holds another run, which differs in {'; '.join(fields)} (there -> now): "
            f"{way}"
        )
