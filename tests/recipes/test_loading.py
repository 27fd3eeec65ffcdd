"""A recipe file is held to its format: unknown keys with near matches, values with their place."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from spatialbench.errors import UserError
from spatialbench.recipes.loading import load, parse, shipped
from tests.cli.json_schemas import SCHEMAS, fits

RECIPE: dict[str, Any] = {
    "format": 1,
    "title": "Table 1",
    "source": "a paper, table 1",
    "benchmark": "visor",
    "rows": [
        {"name": "plain", "method": "sd", "published": {"OA": 47.83, "VISOR_cond": "63.20"}},
        {
            "name": "ours {alpha}",
            "method": "infsplign",
            "set": {"alpha": [0.5, 1]},
            "published": [
                {"at": {"alpha": 1}, "values": {"OA": {"value": 50, "plus_minus": 1.5}}},
            ],
        },
    ],
    "claims": [{"row": "ours 1", "beats": ["plain"], "metric": "OA"}],
}


def changed(*place: Any, **changes: Any) -> dict[str, Any]:
    """The recipe with some keys changed at a place; None removes one."""
    made = copy.deepcopy(RECIPE)
    node: Any = made
    for part in place:
        node = node[part]
    for key, value in changes.items():
        if value is None:
            del node[key]
        else:
            node[key] = value
    return made


def test_a_sound_recipe_and_its_schema() -> None:
    recipe = parse(fits("recipe", RECIPE), "file")
    assert [row.name for row in recipe.rows] == ["plain", "ours {alpha}"]
    assert recipe.rows[0].published[0].values["VISOR_cond"].decimals == 2
    value = recipe.rows[1].published[0].values["OA"]
    assert (value.low, value.high) == (48.5, 51.5)


WRONG: list[tuple[dict[str, Any], str]] = [
    (changed(bechmark="x"), "unknown key 'bechmark': did you mean benchmark"),
    (changed("rows", 0, bacbone="lab"), "row 'plain': unknown key 'bacbone': did you mean backb"),
    (changed("rows", 1, "published", 0, vales={}), "did you mean values"),
    (
        changed("rows", 1, "published", 0, "values", "OA", plus_minos=1),
        "published.0.values.OA: unknown key 'plus_minos': did you mean plus_minus?",
    ),
    (changed("claims", 0, better="x"), "claims.0: unknown key 'better': did you mean beats"),
    (changed(defaults={"step": 3}), "defaults: unknown key 'step': did you mean steps"),
    (changed("rows", 0, with_backbone={"lab": {"sett": 1}}), "did you mean set"),
    (changed(title=None), "the key 'title' is missing"),
    (changed("rows", 0, name=None), "row 1: the key 'name' is missing"),
    (changed(rows=[]), "a recipe of no row makes nothing"),
    (changed("rows", 1, "set", alpha=[]), "set.alpha: an empty list is a sweep of nothing"),
    (changed("rows", 0, steps=[]), "row 'plain', steps: an empty list is a sweep of nothing"),
    (
        changed("rows", 0, steps="many"),
        "row 'plain', steps.0: a number is expected, without quotes",
    ),
    (changed("rows", 1, "set", alpha={"a": 1}), "set.alpha.0: a setting is a text, a number"),
    (changed("rows", 1, "set", alpha=float("nan")), "must be a finite number"),
    (changed("rows", 0, name="plain\x1b[31m"), "a name is printable text"),
    (changed("rows", 0, published={"OA": True}), "a published value is a number"),
    (changed("rows", 0, published={"OA": "many"}), "published.0.values.OA.value: a number is"),
    (changed("rows", 0, published={"OA": {"value": 5, "low": 6, "high": 7}}), "between low and"),
    (changed("rows", 0, published={"OA": {"value": 5, "low": 4}}), "an interval has both ends"),
    (changed(format=0), "format: input should be 1"),
    (changed(format=2, of_the_future=1), "format: this version of spatialbench reads recipes of"),
    (
        changed("rows", 0, name=1.4),
        "row 1, name: a text is expected, in quotes where it looks like",
    ),
    (changed("rows", 0, limit="1_0"), "limit: a number is expected, without quotes, not '1_0'"),
    (changed("rows", 0, synonyms="no"), "row 'plain', synonyms: true or false is expected, not"),
    (changed("rows", 0, published={"OA": "4_7"}), "OA.value: a number is expected"),
    (changed("rows", 0, limit=True), "row 'plain', limit: true and false are no numbers, not true"),
    (changed("rows", 0, steps=[10, True]), "steps.1: true and false are no numbers"),
    (changed("rows", 0, decimals=10), "decimals: input should be less than or equal to 9"),
    (changed("rows", 0, threshold=1.5), "threshold: input should be less than or equal to 1"),
    (changed(margin=0), "margin: input should be greater than 0"),
    (changed(margin=False), "margin: true and false are no numbers"),
    (changed("rows", 0, decimals=True), "decimals: true and false are no numbers"),
    (changed("rows", 0, published={"OA": {"value": 5, "plus_minus": True}}), "plus_minus stands"),
    (changed("rows", 0, published={"OA": {"value": 5, "plus_minus": -1}}), "between low and"),
    (changed(rows={"name": "plain"}), "rows: a list is expected, each of its entries behind '- '."),
    (changed(rows="plain"), "a list is expected, each of its entries behind '- ', not 'plain'"),
    (changed(rows=["plain"]), "row 1: keys with values are expected, such as 'alpha: 1', not"),
    (changed("rows", 1, set=["alpha"]), "set: keys with values are expected"),
    (changed(claims={"row": "plain"}), "claims: a list is expected"),
    (
        changed("rows", 0, name="x" * 500),
        f"row 1, name: string should have at most 200 characters, not '{'x' * 80}'...",
    ),
    (changed("rows", 1, name="Plain"), "the names of two rows look alike, 'plain' and 'Plain'"),
    (changed("rows", 1, name="\uff50lain"), "look alike, 'plain' and '\\uff50lain'"),
    (changed("rows", 1, name="plain"), "two rows are called 'plain'"),
]


@pytest.mark.parametrize(("document", "said"), WRONG, ids=[said[:40] for _, said in WRONG])
def test_what_is_wrong_and_where(document: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=r"^file") as caught:
        parse(document, "file")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("document", [None, [], "text", 5, {}])
def test_what_is_no_recipe(document: Any) -> None:
    with pytest.raises(UserError, match="file"):
        parse(document, "file")


BETWEEN_KEYS = (
    *("two rows", "finite", "between low", "both", "no numbers", "format:"),
    "look alike",
)


def test_the_schema_refuses_what_the_loader_refuses() -> None:
    """But for what stands between several keys, which no schema of this kind can tell."""
    validator = Draft202012Validator(SCHEMAS["recipe"])
    for document, said in WRONG:
        if any(word in said for word in BETWEEN_KEYS):
            continue
        assert list(validator.iter_errors(document)), said


ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    1.5,
    [],
    {},
    "",
    "5",
    "5.",
    "1_0",
    "1e3",
    "yes",
    "a\nb",
    "\u0665",
)
"""Values that are read as others by Python, by YAML 1.1, or by a careless reader."""
FULL = changed(
    "rows",
    0,
    set={"a": 1},
    steps=[5],
    guidance_scale=7.5,
    limit=3,
    threshold=0.5,
    synonyms=True,
    only=["1"],
    decimals=2,
    leave_out=[{"a": 1}],
    with_backbone={"lab": {"steps": 3}},
) | {"margin": 2.5, "differs": "x", "unit": "percent"}


def leaves(node: Any) -> list[tuple[Any, Any]]:
    """Every list or mapping with each of its keys, those inside others too."""
    found = []
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        found.append((node, key))
        if isinstance(value, dict | list):
            found += leaves(value)
    return found


def test_the_schema_refuses_what_the_loader_does_and_nothing_else() -> None:
    """Every value of a recipe replaced by every odd one: both refuse it, or neither."""
    validator = Draft202012Validator(SCHEMAS["recipe"])
    document = copy.deepcopy(FULL)
    tried = refused = 0
    for node, key in leaves(document):
        sound = node[key]
        for odd in ODD:
            node[key] = odd
            try:
                parse(document, "file")
                said = ""
            except UserError as error:
                said = str(error)
            if not any(word in said for word in ("between low", "look alike", "two rows")):
                assert validator.is_valid(document) is (not said), (key, odd, said)
                tried, refused = tried + 1, refused + bool(said)
        node[key] = sound
    assert refused > tried / 2 > 250


def test_a_file_of_ones_own_and_names_nobody_knows(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(RECIPE))
    assert load(path).name == "mine"
    (tmp_path / "ids.txt").write_text("1\n2\n\n")
    (tmp_path / "ids.json").write_text("[1, 2]")
    assert load(path).ids("ids.txt") == load(path).ids("ids.json") == ("1", "2")
    for name in ("../ids.txt", "/etc/passwd", "none.txt"):
        with pytest.raises(UserError, match="only_file"):
            load(path).ids(name)
    with pytest.raises(UserError, match="there is no recipe file"):
        load("nothing.yaml")
    with pytest.raises(UserError, match=r"unknown recipe 'paper/table'.*docs/recipes.md"):
        load("paper/table")
    path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(UserError, match="cannot be read"):
        load(path)


def test_a_file_that_is_written_in_an_odd_way(tmp_path: Path) -> None:
    text = yaml.safe_dump(RECIPE)
    path = tmp_path / "mine.yaml"
    for content in (
        b"\xef\xbb\xbf" + text.encode(),
        text.encode("utf-16"),
        text.replace("\n", "\r\n").encode(),
        f"%YAML 1.2\n---\n{text}...\n".encode(),
    ):
        path.write_bytes(content)
        assert load(path).recipe.rows[0].name == "plain"
    for content, said in (
        (text.replace("Table 1", "Tafel \xe9").encode("latin-1"), "not UTF-8 text; save it"),
        (text.encode("utf-16-le"), "cannot be read as YAML"),
        (text.encode() + b"#" * (1 << 18), "it is larger than 256 kB"),
        (b"", "holds no recipe"),
    ):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"mine\.yaml") as caught:
            load(path)
        assert said in str(caught.value)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(UserError, match="give a YAML file"):
        load(path)
    with pytest.raises(UserError, match="give a YAML file"):
        load(tmp_path)


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_recipe_can_be_loaded_and_fits_the_schema(name: str) -> None:
    from spatialbench.recipes.reading import read_yaml

    source = load(name)
    fits("recipe", read_yaml(source.path.read_text("utf-8"), name))
