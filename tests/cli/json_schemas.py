"""The schemas in ``docs/schemas``; ``python -m tests.cli.json_schemas`` writes those of types.

The others in ``docs/schemas`` are written by hand. All are closed: a key that is in no schema is a
failure of ``test_json_schemas``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from pydantic import BaseModel

from spatialbench.recipes.format import schema as recipe_schema
from spatialbench.reports.gate.file import GateFile
from spatialbench.runs.manifest import Manifest
from spatialbench.runs.timing import BatchTime
from spatialbench.scoring.summary import FORMAT, Summary

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"
SCHEMAS = {
    path.name.removesuffix(".schema.json"): json.loads(path.read_text())
    for path in sorted(FOLDER.glob("*.schema.json"))
}

_NOT_ALWAYS = {"one_colour", "notes", "breakdowns", "run", "inputs", "scores_sha256"} | {
    "summary_sha256"
}
"""Keys of a summary that are left out where there is nothing to say."""


def fits(name: str, document: Any) -> Any:
    """The document, which fits that schema."""
    error = best_match(Draft202012Validator(SCHEMAS[name]).iter_errors(document))
    assert error is None, f"{name}: {error.json_path}: {error.message}"
    return document


def typed() -> Mapping[str, dict[str, Any]]:
    """Schema by name of its file."""
    summary = _schema(Summary, "summary.json, and what run and score --format json print")
    summary["properties"]["format"] = {"const": FORMAT}
    # Only where it is printed, of a run with a name of its own.
    summary["properties"]["name"] = {"type": "string"}
    summary["required"] = [key for key in summary["required"] if key not in _NOT_ALWAYS]
    return {
        "summary": summary,
        "manifest": _schema(Manifest, "manifest.json of a run"),
        "gate-file": _schema(GateFile, "a gate file, as gate --write makes it"),
        "timing.jsonl": _schema(BatchTime, "a line of timing.jsonl"),
        "recipe": _headed(recipe_schema(), "a recipe of reproduce (docs/recipes.md)"),
    }


def text(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _schema(model: type[BaseModel], title: str) -> dict[str, Any]:
    return _headed(model.model_json_schema(mode="serialization"), title)


def _headed(schema: dict[str, Any], title: str) -> dict[str, Any]:
    _close(schema)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title}
    return {**head, **{key: value for key, value in schema.items() if key != "title"}}


def _close(node: Any) -> None:
    if isinstance(node, dict):
        if "properties" in node:
            node.setdefault("additionalProperties", False)
            for described in node["properties"].values():
                described.pop("title", None)
        for value in node.values():
            _close(value)
    elif isinstance(node, list):
        for value in node:
            _close(value)


if __name__ == "__main__":
    for name, schema in typed().items():
        (FOLDER / f"{name}.schema.json").write_text(text(schema))
