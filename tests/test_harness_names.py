"""The harness names no benchmark, detector or method: what is special to one is its plug-in's."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from spatialbench import plugins

ROOT = Path(__file__).parents[1] / "spatialbench"

COMMON_WORDS = {
    "revision": "of weights",
    "lora": "small weights beside a model's own",
    "complex": "prompts of several relations",
}
"""Names that are English words of this trade, which no search can tell from them."""

THEIRS = {"methods": "the methods themselves"}
"""Rooms that hold plug-ins."""

VERB = "the verb 'esplora', which trains what the method of that name loads"
EXCEPTIONS = {
    ("cli/esplora.py", "esplora"): VERB,
    ("cli/asked_set.py", "esplora"): VERB,
    ("cli/esplora.py", "visor"): "what the verb proposes to type next",
    ("cli/esplora.py", "lab-owlvit"): "the detector of the training images",
    ("cli/esplora.py", "owlvit"): "the detector of the training images",
    ("cli/esplora.py", "sd"): "what makes the training images",
    ("cli/__init__.py", "esplora"): VERB,
    ("cli/extract.py", "esplora"): VERB,
    ("runs/manifest.py", "esplora"): VERB,
    ("lora_training", "esplora"): VERB,
    ("lora_training", "esplora-training"): "the benchmark of its own prompts",
    ("lora_training", "owlvit"): "what looks at the training images",
    ("scoring/rules/catalogue.py", "esplora"): "the rules esplora-r1 and -r2, which judge any run",
    ("cli/depth.py", "esplora"): "the rule esplora-r1, as an example",
    ("cli/checks.py", "yolo"): "the extra of that name in pyproject.toml",
    ("cli/lab.py", "visor"): "the lab's world is that of VISOR's objects",
    ("lab", "lab-owlvit"): "the lab is the harness's own",
    ("lab", "owlvit"): "the lab's detector is of that kind",
    ("backbones/registry.py", "infsplign"): "data: which paper's model it is",
    ("backbones/registry.py", "compass"): "data: which paper's model it is",
    ("backbones/registry.py", "spright"): "data: which paper's model it is",
}


def _pattern() -> re.Pattern[str]:
    kinds: tuple[plugins.Kind, ...] = ("benchmark", "detector", "method")
    names = {name for kind in kinds for name in plugins.names(kind)} - set(COMMON_WORDS)
    longest = sorted(names, key=len, reverse=True)
    # OWL-ViT is owlvit, and T2I-CompBench is t2i_compbench, in whatever case.
    words = [re.escape(name).replace(r"\-", "[-_ ]?") for name in longest if name != "sd"]
    return re.compile(rf"(?<![a-z])(?:{'|'.join(words)})(?![a-z])|(?<![\w-])sd(?![\w.-])", re.I)


def _texts(code: str) -> Iterator[tuple[int, str]]:
    """Names and texts of a module with their lines, docstrings left out."""
    tree = ast.parse(code)
    documentation = {
        id(statement.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        for statement in node.body
        if isinstance(statement, ast.Expr)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in documentation:
                yield node.lineno, text
            case ast.Name(id=text) | ast.Attribute(attr=text) | ast.arg(arg=text):
                yield node.lineno, text
            case ast.FunctionDef(name=text) | ast.ClassDef(name=text):
                yield node.lineno, text
            case ast.ImportFrom(module=module, names=imported):
                yield node.lineno, " ".join([module or "", *(one.name for one in imported)])


def _found() -> dict[tuple[str, str], list[str]]:
    pattern = _pattern()
    found: dict[tuple[str, str], list[str]] = {}
    for path in sorted(ROOT.rglob("*.py")):
        place = path.relative_to(ROOT).as_posix()
        room = place.partition("/")[0]
        if room in THEIRS:
            continue
        for line, text in _texts(path.read_text()):
            for name in pattern.findall(text):
                where = room if room in ("lab", "lora_training") else place
                found.setdefault((where, name.lower()), []).append(f"{place}:{line}: {text[:80]}")
    return found


@pytest.mark.parametrize(
    "code",
    [
        'raise UserError("type spatialbench leaderboard --bench visor")',
        "from spatialbench.benchmarks.geneval import PLUGIN",
        "def for_owlvit(): ...",
        'if method == "sd": pass',
        'print("InfSplign needs a UNet")',
    ],
)
def test_a_name_would_be_found(code: str) -> None:
    assert [text for _, text in _texts(code) if _pattern().search(text)]


@pytest.mark.parametrize("code", ['"""As visor does."""', 'x = "sd2.1-base, visors"'])
def test_documentation_and_other_words_are_let_be(code: str) -> None:
    assert not [text for _, text in _texts(code) if _pattern().search(text)]


def test_the_harness_names_no_plug_in() -> None:
    found = _found()
    assert {key: lines for key, lines in found.items() if key not in EXCEPTIONS} == {}
    assert set(EXCEPTIONS) <= set(found), "an exception that is no longer needed"
