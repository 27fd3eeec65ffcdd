"""What is imported is declared, what is declared is imported, and all of it is pinned."""

from __future__ import annotations

import re
import sys
import tomllib

from tests.import_graph import ROOT, modules

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
OTHER_NAMES = {"PIL": "pillow", "yaml": "pyyaml"}
"""Modules whose package is called otherwise."""
BY_NAME = {
    "mlflow": "import_module, only when it is asked for",
    "trackio": "import_module, only when it is asked for",
    "wandb": "import_module, only when it is asked for",
    "mmcv": "import_module, as the original stack wants it",
    "vl-convert-python": "import_module, only when charts are wanted as PDF or PNG",
    "mmdet": "import_module, as the original stack wants it",
    "furo": "the theme that docs/conf.py names",
    "myst-parser": "the extension that docs/conf.py names",
    "sphinx": "docs/conf.py is its configuration",
    "pandas": "pyarrow makes its frames",
    "sentencepiece": "diffusers reads the vocabulary of Kolors with it",
}
"""Declared packages that no import statement names, and what imports them."""
OPTIONAL = {"torchvision": "used where it is installed, never needed"}
"""Imported packages that are not declared, and why."""


def _packages(requirements: list[str]) -> set[str]:
    names = (re.split(r"[<>=!~\[; ]", one)[0] for one in requirements)
    return {name.lower().replace("_", "-") for name in names}


def _imported() -> set[str]:
    first = {name.split(".")[0] for module in modules().values() for name, _ in module.imports}
    first -= {*sys.stdlib_module_names, "spatialbench"}
    return {OTHER_NAMES.get(name, name).lower().replace("_", "-") for name in first}


DECLARED = _packages(PROJECT["dependencies"])
EXTRAS = {
    package
    for extra, requirements in PROJECT["optional-dependencies"].items()
    if extra != "dev"
    for package in _packages(requirements)
}


def test_every_imported_package_is_declared() -> None:
    assert _imported() - DECLARED - EXTRAS == set(OPTIONAL)


def test_every_declared_package_is_imported() -> None:
    assert (DECLARED | EXTRAS) - _imported() - set(BY_NAME) == set()


def test_every_package_of_the_core_is_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pinned = _packages([line for line in lines if "==" in line])
    assert pinned >= DECLARED
