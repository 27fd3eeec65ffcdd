"""The shell completes the values of options, and imports no models library for it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from click.shell_completion import BashComplete

from spatialbench import plugins
from spatialbench.api.inventory import STATES
from spatialbench.backbones.named import names
from spatialbench.cli import root
from spatialbench.recipes.loading import shipped


def _completed(line: str) -> list[str]:
    *arguments, incomplete = line.split(" ")
    shell = BashComplete(root, {}, "spatialbench", "_SPATIALBENCH_COMPLETE")
    return [item.value for item in shell.get_completions(arguments, incomplete)]


@pytest.mark.parametrize(
    ("line", "known"),
    [
        ("run --method ", plugins.names("method")),
        ("run --bench ", plugins.names("benchmark")),
        ("run --backbone ", names()),
        ("run --detector ", plugins.names("detector")),
        ("run --judge ", plugins.names("judge")),
        ("run --prompt-transform ", plugins.names("prompt transform")),
        ("reproduce ", [*shipped(), ""]),
        ("runs list --state ", list(STATES)),
        ("leaderboard --bench ", plugins.names("benchmark")),
        ("esplora build-data --detector ", plugins.names("detector")),
        ("agree runs/a --between ", [*plugins.names("detector"), *plugins.names("judge")]),
    ],
)
def test_names(line: str, known: list[str]) -> None:
    assert _completed(line) == known
    assert known


def test_what_depends_on_what_was_typed_before() -> None:
    benchmark = plugins.load("benchmark", "visor")
    offered = _completed("run --bench visor:")
    assert {f"visor:{subset}" for subset in benchmark.subsets} <= set(offered)
    rules = _completed("run --bench visor --rule ")
    assert rules[: len(benchmark.rules)] == list(benchmark.rules)
    assert set(plugins.names("rule")) <= set(rules)
    assert _completed("run --method infsplign --set mar") == ["margin="]
    assert _completed("run --method nothing --set mar") == []
    assert "sd2.1-base" in _completed("fetch sd2")
    assert _completed("list me") == ["methods", "metrics"]


def test_the_shell_is_answered_without_torch() -> None:
    code = (
        "import sys\nfrom spatialbench.cli import main\n"
        "try:\n    main([])\nfinally:\n"
        "    print({'torch', 'transformers', 'diffusers', 'pandas', 'scipy', 'rich'} & "
        "set(sys.modules), file=sys.stderr)"
    )
    asked = {
        "_SPATIALBENCH_COMPLETE": "bash_complete",
        "COMP_WORDS": "spatialbench run --backbone sd2",
        "COMP_CWORD": "3",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | asked
    )
    assert done.stdout.split() == ["plain,sd2.1-base", "plain,sd2.1"]
    assert done.stderr.splitlines()[-1] == "set()"
