"""Holding a folder of images against the expected ones: what matches, what does not and why."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import MappingProxyType

from ..files.images import UnreadableImage, of_one_colour, open_image, orientation, to_rgb
from ..plugins.layout import Extra, PassedOver, Placed
from ..prompts import Key
from ..runs.expected import Expected
from .by_products import left_by_tools
from .sources import Source

FORMATS = ("PNG", "JPEG", "WEBP")


@dataclass(frozen=True, slots=True)
class Match:
    """A readable file for an expected image.

    Attributes:
        name: the file.
        sha256: of the file as it is there.
        one_colour: whether the image is of one colour, such as a safety checker's black.
        turned: whether its EXIF orientation turns it.
    """

    name: str
    sha256: str
    one_colour: bool = False
    turned: bool = False


@dataclass
class Matching:
    """Files and expected images sorted by what is the matter; every problem has its sentence.

    Attributes:
        matched: the file of each expected image that has exactly one good one.
        missing: expected images without a file.
        extra: files of images that are not expected: name to reason.
        duplicate: files that claim one image; none of them is taken.
        unreadable: empty, truncated or broken files.
        misnamed: files whose name does not follow the layout or names no known prompt.
        hidden: hidden files, which were not looked at.
        passed_over: files that are no images of prompts, such as what official tools leave
            there, and what each of them is; hidden ones among them.
        texts: the text that each matched prompt's images were made from, where the files say.
        rewritten: prompts whose images were made from another text than the benchmark's.
        missing_prompts: the texts of prompts that lack an image, by id.
    """

    matched: dict[Key, Match] = field(default_factory=dict)
    missing: list[Key] = field(default_factory=list)
    extra: dict[str, str] = field(default_factory=dict)
    duplicate: dict[str, str] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    misnamed: dict[str, str] = field(default_factory=dict)
    hidden: int = 0
    passed_over: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    rewritten: int = 0
    missing_prompts: dict[str, str] = field(default_factory=dict)

    @property
    def problems(self) -> dict[str, str]:
        """What is wrong with files and entries: a folder of them where one sentence is of all."""
        kinds = (self.misnamed, self.unreadable, self.duplicate, self.extra)
        every = {name: why for kind in kinds for name, why in kind.items()}
        others = {match.name for match in self.matched.values()} | set(every)
        return together(every, others)

    @property
    def prompts(self) -> str:
        """``plain``, ``rewritten`` or ``mixed``, as far as the files say."""
        if not self.rewritten:
            return "plain"
        return "rewritten" if self.rewritten == len({key[0] for key in self.matched}) else "mixed"

    def tell(self, texts: Mapping[str, str], expected: Expected) -> None:
        """Take in what the images of matched prompts were made from, by prompt id."""
        selected = expected.by_id
        self.texts = dict(texts)
        self.rewritten = sum(text != selected[id].text for id, text in texts.items())
        self.missing_prompts = {key[0]: selected[key[0]].text for key in self.missing}

    @property
    def clean(self) -> bool:
        """Whether every expected image has its file and no file is left over."""
        problems = (self.extra, self.duplicate, self.unreadable, self.misnamed)
        return not self.missing and not any(problems)

    @property
    def first_problem(self) -> str:
        """Of the problems one of each kind, in a few words; empty where there is none."""
        missing = [f"missing: {key[0]}/{key[1]}" for key in self.missing[:1]]
        kinds = (self.extra, self.duplicate, self.unreadable, self.misnamed)
        first = [next(iter(kind.items())) for kind in kinds if kind]
        return "; ".join(missing + [f"{name}: {why}" for name, why in first])

    @property
    def one_colour(self) -> list[Key]:
        """The matched images that are of one colour."""
        return sorted(key for key, match in self.matched.items() if match.one_colour)

    @property
    def turned(self) -> int:
        """How many matched images are turned by their EXIF orientation."""
        return sum(match.turned for match in self.matched.values())

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
    texts: Mapping[str, str] = MappingProxyType({}),
) -> Matching:
    """Read every file once and sort it.

    Args:
        placed: what the layout says of each file, or entry of a list.
        expected: the images that should be there.
        advance: told of files that say which image they are, as they are sorted.
        texts: what each file was made from, as far as anybody says.
    """
    report = Matching(hidden=source.hidden)
    for name in source.concealed:
        report.passed_over[name] = left_by_tools(name) or "hidden"
    keys = set(expected.keys())
    selected = expected.by_id
    claims: dict[Key, list[str]] = {}
    for name, where in placed.items():
        if isinstance(where, PassedOver):
            report.passed_over[name] = where.why
        elif isinstance(where, Extra):
            report.extra[name] = where.why
        elif isinstance(where, str):
            report.misnamed[name] = where
        elif where not in keys:
            report.extra[name] = (
                f"prompt {where[0]} has only images 0 to {expected.images_per_prompt - 1}"
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
                report.duplicate[name] = f"the same image as {others}: {key[0]}/{key[1]}"
            advance(len(names))
            continue
        try:
            report.matched[key] = looked_at(names[0], source.read(names[0]))
        except UnreadableImage as error:
            report.unreadable[names[0]] = str(error)
        advance(1)
    report.missing = [key for key in expected.keys() if key not in claims]  # noqa: SIM118
    said: dict[str, dict[str, None]] = {}
    for (prompt_id, _), found in sorted(report.matched.items()):
        if found.name in texts:
            said.setdefault(prompt_id, {})[texts[found.name]] = None
    # Images of one prompt can have texts of their own.
    report.tell({prompt_id: "\n".join(every) for prompt_id, every in said.items()}, expected)
    return report


def together(sentences: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Sentences by file, or by the largest folder of whose images it is said of every one.

    Args:
        names: all images, those among them that are right.
    """
    inside: dict[str, Counter[str | None]] = {}
    for name in names:
        for folder in PurePosixPath(name).parents[:-1]:
            inside.setdefault(str(folder), Counter())[sentences.get(name)] += 1
    found: dict[str, str] = {}
    for name, why in sentences.items():
        folders = map(str, PurePosixPath(name).parents[:-1])
        of_one = [f for f in folders if list(inside[f]) == [why] and inside[f][why] > 1]
        found[of_one[-1] if of_one else name] = why
    return found


def looked_at(name: str, content: bytes) -> Match:
    """What is kept of an image file. Raises UnreadableImage where the bytes are no whole one."""
    image = open_image(content, FORMATS)
    sha256 = hashlib.sha256(content).hexdigest()
    return Match(name, sha256, of_one_colour(to_rgb(image)), orientation(image) != 1)
