"""Recipes by file or by id: ``PAPER/TABLE`` of those that are shipped, or a file of the user's own.

Everything that a file alone can tell is checked here, so that no image is made for a recipe that
contradicts itself: keys, names, metrics, published values and the identities between them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..errors import UserError, unknown_name
from ..files.documents import read_limited
from .format import FORMAT, At, Claim, Recipe, Row, Settings
from .reading import LARGEST, read_yaml
from .sweeps import refuse_twins
from .values import LONGEST_NAME, VALUE_KEYS

_ENDINGS = (".yaml", ".yml")


@dataclass(frozen=True)
class Source:
    """A recipe, what it is called, and where its file lies."""

    name: str
    path: Path
    recipe: Recipe

    def ids(self, name: str) -> tuple[str, ...]:
        """The prompt ids of a file beside the recipe; see ``only_file``.

        Raises:
            UserError: a file that is not there, lies elsewhere, or holds no id.
        """
        place = Path(name)
        if place.is_absolute() or ".." in place.parts:
            raise UserError(
                f"{self.path}: only_file {name!r} must lie beside the recipe or in a folder there."
            )
        whose = self.path.parent / place
        try:
            text = read_limited(whose).decode("utf-8")
        except (OSError, ValueError) as error:
            raise UserError(f"{self.path}: only_file {whose} cannot be read ({error}).") from error
        ids = _ids(text, whose)
        if not ids:
            raise UserError(f"{whose} holds no prompt id: give one per line, or a JSON list.")
        return ids


def _ids(text: str, whose: Path) -> tuple[str, ...]:
    from ..files.documents import parse_json

    if not text.lstrip().startswith("["):
        return tuple(line.strip() for line in text.splitlines() if line.strip())
    try:
        found = parse_json(text)
    except ValueError as error:
        raise UserError(f"{whose} is not a JSON list of prompt ids ({error}).") from error
    if not all(isinstance(one, str | int) and not isinstance(one, bool) for one in found):
        raise UserError(f"{whose} must hold prompt ids only: texts or whole numbers.")
    return tuple(map(str, found))


def shipped_folder() -> Path:
    """Where the recipes of this package lie, a folder for each paper."""
    return Path(str(files(__package__ or "spatialbench.recipes").joinpath("shipped")))


def shipped() -> list[str]:
    """The ids of the recipes that come with this package, such as ``paper/table-2``."""
    root = shipped_folder()
    found = [path.relative_to(root) for path in root.glob("*/*") if path.suffix in _ENDINGS]
    return sorted(path.with_suffix("").as_posix() for path in found)


def load(name: str | Path) -> Source:
    """A shipped recipe by its id, or the recipe in a file.

    Raises:
        UserError: no such recipe, or one that cannot be used: says which key or row, and why.
    """
    path = _place(str(name))
    try:
        text = read_limited(path, LARGEST).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            f"the recipe {path} cannot be read: it is not UTF-8 text; save it as UTF-8."
        ) from error
    except (OSError, ValueError) as error:
        raise UserError(f"the recipe {path} cannot be read ({error}).") from error
    recipe = parse(read_yaml(text, str(path)), str(path))
    own = name if str(name) in shipped() else path.stem
    return Source(str(own), path, recipe)


def _place(name: str) -> Path:
    if name in shipped():
        return next(
            path for end in _ENDINGS if (path := shipped_folder() / f"{name}{end}").is_file()
        )
    path = Path(name)
    if path.is_file():
        return path
    if path.suffix in _ENDINGS or path.exists():
        raise UserError(
            f"there is no recipe file {name}: give a YAML file, or the id of a recipe that "
            "'spatialbench reproduce --list' shows."
        )
    error = unknown_name("recipe", name, shipped())
    raise UserError(f"{error} Or give a YAML file of your own (docs/recipes.md).")


def parse(document: Any, whose: str) -> Recipe:
    """A document as a recipe.

    Args:
        document: what a YAML file holds.
        whose: the file, for errors.

    Raises:
        UserError: an unknown key (near matches listed), or a value that its key does not take.
    """
    if not isinstance(document, dict):
        raise UserError(
            f"{whose} holds no recipe: expected keys such as 'format: 1', 'title', 'source', "
            "'benchmark' and 'rows' (docs/recipes.md)."
        )
    version = document.get("format")
    if isinstance(version, int | float) and version > FORMAT:
        raise UserError(
            f"{whose}, format: this version of spatialbench reads recipes of format {FORMAT}, not "
            f"{version:g}: get a newer version of it."
        )
    try:
        recipe = Recipe.model_validate(document)
    except ValidationError as error:
        raise _told(error, document, whose) from None
    refuse_twins((row.name for row in recipe.rows), whose)
    return recipe


_KINDS: tuple[tuple[str, type[Any]], ...] = (
    ("published", At),
    ("with_backbone", Settings),
    ("claims", Claim),
    ("defaults", Settings),
    ("rows", Row),
)
"""What a key's value is made of, the innermost first."""


def _told(error: ValidationError, document: dict[str, Any], whose: str) -> UserError:
    """The first thing that is wrong, where it stands, in words."""
    first = error.errors()[0]
    place = [part for part in first["loc"] if part != "values" or "values" in _keys(first["loc"])]
    where = f"{whose}, {_where(place[:-1], document)}"
    key = str(place[-1]) if place else ""
    if first["type"] == "extra_forbidden":
        kind = next((model for name, model in _KINDS if name in place), Recipe)
        known = list(kind.model_fields)
        if "published" in place and isinstance(place[-2], str):
            known = list(VALUE_KEYS)
        return UserError(f"{where}: {unknown_name('key', key, known)}")
    if first["type"] == "missing":
        return UserError(f"{where}: the key {key!r} is missing.")
    message = _SHAPES.get(first["type"], first["msg"].removeprefix("Value error, "))
    given = first["input"]
    shown = ""
    if isinstance(given, str):
        shown = f", not {given!r}" if len(given) <= _SHOWN else f", not {given[:_SHOWN]!r}..."
    elif isinstance(given, int | float | None):
        shown = f", not {'nothing' if given is None else json.dumps(given)}"
    told = message[0].lower() + message[1:]
    return UserError(f"{whose}, {_where(place, document)}: {told}{shown}.")


_SHOWN = 80
"""Characters of a wrong value that an error shows."""
_SHAPES = {
    "tuple_type": "a list is expected, each of its entries behind '- '",
    "bool_type": "true or false is expected",
    "string_type": "a text is expected, in quotes where it looks like a number",
    **dict.fromkeys(
        ("dict_type", "model_type", "model_attributes_type"),
        "keys with values are expected, such as 'alpha: 1'",
    ),
}
"""Messages for what stands in a file, where pydantic's are about Python."""


def _keys(place: tuple[Any, ...]) -> set[Any]:
    return set(place[1:])


def _where(place: list[Any], document: dict[str, Any]) -> str:
    """``row 'SD 1.4', set.alpha``; ``the recipe`` for the whole of it."""
    words: list[str] = []
    rest = list(place)
    if len(rest) > 1 and rest[0] == "rows" and isinstance(rest[1], int):
        row = document["rows"][rest[1]]
        name = row.get("name") if isinstance(row, dict) else None
        named = isinstance(name, str) and len(name) <= LONGEST_NAME
        words.append(f"row {name!r}" if named else f"row {rest[1] + 1}")
        rest = rest[2:]
    if rest:
        words.append(".".join(map(str, rest)))
    return ", ".join(words) or "the recipe"
