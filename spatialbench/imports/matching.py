"""Holding a folder of pictures against the expected ones: what matches, what does not and why."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from ..pictures import UnreadablePicture, open_picture
from ..runs.expected import Expected, Key
from .layouts import Placed
from .sources import Source

FORMATS = ("PNG", "JPEG", "WEBP")


@dataclass(frozen=True, slots=True)
class Match:
    """A readable file for an expected picture. ``sha256`` is of the file as it is there."""

    name: str
    sha256: str


@dataclass
class Report:
    """Files and expected pictures sorted by what is the matter; every problem has its sentence.

    Attributes:
        matched: the file of each expected picture that has exactly one good one.
        missing: expected pictures without a file.
        extra: files of pictures that are not expected: name to reason.
        duplicate: files that claim one picture; none of them is taken.
        unreadable: empty, truncated or broken files.
        misnamed: files whose name does not follow the layout or names no known prompt.
        hidden: hidden files, which were not looked at.
    """

    matched: dict[Key, Match] = field(default_factory=dict)
    missing: list[Key] = field(default_factory=list)
    extra: dict[str, str] = field(default_factory=dict)
    duplicate: dict[str, str] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    misnamed: dict[str, str] = field(default_factory=dict)
    hidden: int = 0

    @property
    def clean(self) -> bool:
        """Whether every expected picture has its file and no file is left over."""
        problems = (self.extra, self.duplicate, self.unreadable, self.misnamed)
        return not self.missing and not any(problems)

    @property
    def content(self) -> str:
        """16 hexadecimal digits over what matched: prompt ids, indices and file hashes."""
        digest = hashlib.sha256()
        for (prompt_id, index), match in sorted(self.matched.items()):
            digest.update(f"{prompt_id}\0{index}\0{match.sha256}\n".encode())
        return digest.hexdigest()[:16]


def match(
    source: Source,
    placed: dict[str, Placed],
    expected: Expected,
    advance: Callable[[int], None] = lambda files: None,
) -> Report:
    """Read every file once and sort it.

    Args:
        placed: what the layout says of each file.
        expected: the pictures that should be there.
        advance: told of files that say which picture they are, as they are sorted.
    """
    report = Report(hidden=source.hidden)
    keys = set(expected.keys())
    selected = expected.by_id
    claims: dict[Key, list[str]] = {}
    for name, where in placed.items():
        if isinstance(where, str):
            report.misnamed[name] = where
        elif where not in keys:
            report.extra[name] = (
                f"prompt {where[0]} has only pictures 0 to {expected.images_per_prompt - 1}"
                if where[0] in selected
                else f"prompt {where[0]} is not among the selected ones"
            )
            advance(1)
        else:
            claims.setdefault(where, []).append(name)
    for key, names in claims.items():
        if len(names) > 1:
            for name in names:
                others = ", ".join(other for other in names if other != name)
                report.duplicate[name] = f"the same picture as {others}: {key[0]}/{key[1]}"
            advance(len(names))
            continue
        content = source.read(names[0])
        problem = unreadable(content)
        advance(1)
        if problem:
            report.unreadable[names[0]] = problem
        else:
            report.matched[key] = Match(names[0], hashlib.sha256(content).hexdigest())
    report.missing = [key for key in expected.keys() if key not in claims]  # noqa: SIM118
    return report


def unreadable(content: bytes) -> str | None:
    """Why bytes are no whole picture; None if they are one."""
    try:
        open_picture(content, FORMATS)
    except UnreadablePicture as error:
        return str(error)
    return None
