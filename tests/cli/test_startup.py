"""The command line imports next to nothing, and wrong words get one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.imported_modules import imported_by

from .conftest import Command


def test_help_names_every_verb_and_imports_none() -> None:
    code = (
        "import sys; from spatialbench.cli import main; main(['--help']);"
        "print(sorted(m for m in sys.modules if m.startswith('spatialbench.cli.')), "
        "{'torch', 'numpy', 'pandas', 'rich', 'pydantic'} & set(sys.modules))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    # What every command needs; the verbs are modules of their own.
    assert printed.splitlines()[-1] == "['spatialbench.cli.streams'] set()"
    for verb in ("run", "generate", "detect", "score", "leaderboard", "status", "list", "fetch"):
        assert f"  {verb} " in printed


def test_no_verbs_help_imports_a_heavy_library() -> None:
    """All verbs in one process: the first that imports one is named."""
    code = (
        "import sys; from spatialbench.cli import _VERBS, main\n"
        "for verb in _VERBS:\n"
        "    main([verb, '--help'])\n"
        "    heavy = {'torch', 'numpy', 'pandas', 'scipy', 'pyarrow', 'PIL'} & set(sys.modules)\n"
        "    assert not heavy, (verb, heavy)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_a_server_takes_is_told_without_torch() -> None:
    code = (
        "import sys; from spatialbench.cli import main; main(['serve', '--help']);"
        "print({'torch', 'transformers', 'pandas', 'pydantic', 'PIL'} & set(sys.modules))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    assert printed.splitlines()[-1] == "set()"


@pytest.mark.parametrize("kind", [(), ("--format", "json")])
def test_lists_load_no_models_library(kind: tuple[str, ...]) -> None:
    code = (
        f"import sys; from spatialbench.cli import main; main(['list', *{kind!r}]);"
        "heavy = {'torch', 'transformers', 'diffusers', 'pandas', 'scipy', 'pyarrow'};"
        "print(heavy & set(sys.modules))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    assert printed.splitlines()[-1] == "set()"


HEAVY = {"torch", "transformers", "diffusers", "pandas", "rich", "unittest", "http.client"}
TABLES = {"scipy", "pyarrow", "numpy.random"}
"""What intervals and the file of scores need, and nobody else."""
UNUSED = {
    ("status", "here"): {*HEAVY, *TABLES, "spatialbench.backbones"},
    ("score", "here"): {*HEAVY, "pyarrow.compute", "numpy.f2py.crackfortran"},
    ("compare", "here", "there"): {*HEAVY, "pyarrow.compute", "numpy.f2py.crackfortran"},
}


def test_the_state_of_a_run_needs_no_arrays() -> None:
    """Half of what is imported before a run of 100,000 images is looked at."""
    used = "spatialbench.cli.status, spatialbench.runs.status, spatialbench.reports.price"
    assert "numpy" not in imported_by(f"import {used}, spatialbench.benchmarks.visor.plugin")


def test_verbs_that_make_no_image_import_what_they_use(
    spatialbench: Command, plugin_folder: Path
) -> None:
    """Of runs of a stranger's method: no time is measured, but what takes it is named."""
    for folder, skill in (("here", "skill=1"), ("there", "skill=0.5")):
        made = spatialbench(*RUN, "--limit", "2", "--set", skill, "--out", folder)
        assert made.status == 0, made.err
    Path("here/scores.parquet").unlink()
    Path("here/summary.json").unlink()
    for words, unused in UNUSED.items():
        code = (
            "import sys; from spatialbench.cli import main\n"
            f"assert main({list(words)}) == 0; print(*{unused} & set(sys.modules), file=sys.stderr)"
        )
        environment = {**os.environ, "PYTHONPATH": str(plugin_folder)}
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stderr.splitlines()[-1] == "", words


@pytest.mark.parametrize(
    "verb",
    [
        "run",
        "generate",
        "detect",
        "score",
        "leaderboard",
        "status",
        "list",
        "prompts",
        "fetch",
        "doctor",
        "serve",
    ],
)
def test_every_verb_explains_itself(spatialbench: Command, verb: str) -> None:
    outcome = spatialbench(verb, "--help")
    assert outcome.status == 0
    assert outcome.out.startswith(f"Usage: spatialbench {verb}")


RUN = ("run", "--method", "painter", "--bench", "squares")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("rum",), "unknown command 'rum': did you mean run"),
        (("run", "--method", "painter"), "Missing option '--bench'"),
        ((*RUN, "--stepps", "3"), "No such option '--stepps'"),
        ((*RUN, "--steps", "-5"), "'--steps': -5 is not in the range x>=1"),
        ((*RUN, "--steps", "many"), "'many' is not a valid integer"),
        ((*RUN, "--guidance-scale", "nan"), "nan is not a number of at least 0"),
        ((*RUN, "--guidance-scale", "-1"), "-1 is not a number of at least 0"),
        ((*RUN, "--threshold", "1.5"), "1.5 is not a number of at least 0 and at most 1"),
        ((*RUN, "--batch-size", "0"), "'--batch-size': 0 is not in the range x>=1"),
        ((*RUN, "--dtype", "float8"), "'float8' is not one of"),
        ((*RUN, "--format", "xml"), "'xml' is not one of"),
        ((*RUN, "--limit", "0"), "--limit 0 selects no image"),
        ((*RUN, "--limit", "-3"), "--limit -3 selects no image"),
        ((*RUN, "--images-per-prompt", "0"), "--images-per-prompt 0 selects no image"),
        ((*RUN, "--only", "lefd"), "did you mean left"),
        ((*RUN, "--seed-scheme", "random"), "unknown seed scheme 'random'"),
        ((*RUN, "--device", "gpu"), "--device 'gpu' is not a device"),
        ((*RUN, "--device", "cuda:77"), "--device cuda:77"),
        ((*RUN, "--set", "skill"), "--set 'skill' is not an assignment"),
        ((*RUN, "--set", "skil=1"), "unknown parameter 'skil': did you mean skill"),
        ((*RUN, "--set", "skill=1", "--set", "skill=0"), "--set gives 'skill' twice"),
        ((*RUN, "--set", "skill=2"), "expected a number from 0 to 1"),
        ((*RUN, "--rule", "center"), "did you mean centre"),
        ((*RUN, "--detector", "color-blobs"), "did you mean colour-blobs"),
        (("run", "--method", "pianter", "--bench", "squares"), "did you mean painter"),
        (("run", "--method", "painter", "--bench", "sqares"), "did you mean squares"),
        (("run", "--method", "painter", "--bench", "squares:al"), "did you mean all"),
        (
            ("run", "--method", "sd", "--bench", "squares", "--backbone", "sd14"),
            "unknown backbone 'sd14': did you mean sd1.4",
        ),
        (("prompts", "--bench", "squares", "--set", "sidways"), "did you mean sideways"),
        (("status", "nowhere"), "there is no run directory nowhere"),
        (("detect", "nowhere"), "there is no run directory nowhere"),
        (("score", "nowhere"), "there is no run directory nowhere"),
        (("score",), "nothing to score"),
        (("score", "x", "--detections", "y"), "--detections goes with --bench"),
        (("score", "--bench", "squares", "--detections", "y"), "there is no file y"),
        (("leaderboard",), "no run and no benchmark given"),
        (("leaderboard", "nowhere"), "there is no run directory nowhere"),
        (("list", "generators"), "unknown kind or name 'generators'"),
        (("list", "paniter"), "did you mean painter"),
        (("leaderboard", "--bench", "visor", "--published", "InfSpling"), "no row is called"),
        (("leaderboard", "--bench", "visor", "--columns", "VISOR_con"), "did you mean VISOR_cond"),
        (("leaderboard", "--bench", "visor", "--sort", "VISOR_con"), "did you mean VISOR_cond"),
        (("leaderboard", "--bench", "visor", "--digits", "9"), "9 is not in the range"),
        (("fetch", "sd3.9"), "unknown backbone or plug-in 'sd3.9'"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(
    spatialbench: Command, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    outcome = spatialbench(*arguments)
    assert outcome.status == 2
    assert outcome.out == ""
    last = outcome.err.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert said in last
    assert "Traceback" not in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_says_how_to_go_on(
    spatialbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(kind: str) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr("spatialbench.plugins.names", interrupted)
    outcome = spatialbench("list", "detectors")
    assert outcome.status == 130
    assert "the same command continues" in outcome.err


def test_a_bug_keeps_its_traceback(spatialbench: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(kind: str) -> list[str]:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("spatialbench.plugins.names", broken)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        spatialbench("list", "detectors")


def test_a_reader_that_closes_the_pipe_sees_no_traceback() -> None:
    command = f"{sys.executable} -m spatialbench prompts --bench visor | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stdout == "a person to the left of a bicycle\n"
    assert done.stderr == ""
