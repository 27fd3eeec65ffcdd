"""Results on a stdout of any encoding, of one that is full, and of one that is closed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Command

RUN = ("run", "--method", "painter", "--bench", "squares", "--limit", "2", "--out", "run")
ENCODINGS = ("cp1252", "latin-1", "ascii", "utf-8", "cp437", "utf-16")


def _child(*words: str, plugins: Path, stdout: int, **environment: str) -> tuple[int, bytes, str]:
    done = subprocess.run(
        [sys.executable, "-m", "spatialbench", *words],
        env=os.environ | {"PYTHONPATH": str(plugins)} | environment,
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
    )
    return done.returncode, done.stdout or b"", done.stderr.decode()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_table_in_every_encoding(
    spatialbench: Command, plugin_package: Path, encoding: str
) -> None:
    assert spatialbench(*RUN, "--set", "skill=0.5").status == 0
    status, out, err = _child(
        "score", "run", plugins=plugin_package, stdout=subprocess.PIPE, PYTHONIOENCODING=encoding
    )
    assert (status, "Traceback" in err) == (0, False)
    assert "squares" in out.decode("utf-8" if encoding == "ascii" else encoding)


def test_a_full_stdout_is_a_sentence(spatialbench: Command, plugin_package: Path) -> None:
    assert spatialbench(*RUN).status == 0
    with open("/dev/full", "wb") as full:
        for words in (RUN, ("score", "run"), ("status", "run"), ("list", "detectors")):
            status, _, err = _child(*words, plugins=plugin_package, stdout=full.fileno())
            assert status == 2
            assert "could not be printed" in err
            assert "Traceback" not in err
            assert "Exception ignored" not in err


def test_a_stdout_or_stderr_that_the_shell_closed(
    spatialbench: Command, plugin_package: Path
) -> None:
    def shell(closed: str, *words: str) -> tuple[int, bytes, str]:
        done = subprocess.run(
            ["sh", "-c", f'"$@" {closed}', "sh", sys.executable, "-m", "spatialbench", *words],
            env=os.environ | {"PYTHONPATH": str(plugin_package)},
            capture_output=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr.decode()

    assert spatialbench(*RUN).status == 0
    status, _, err = shell(">&-", "status", "run")
    assert (status, "Traceback" in err) == (2, False)
    assert "stdout is closed" in err
    whole = shell("", *RUN)
    assert shell("2>&-", *RUN) == (0, whole[1], "")
    assert shell(">&- 2>&-", "runs", "rm", "--yes", "nothing")[0] == 2


@pytest.mark.parametrize("form", ["text", "jsonl", "official"])
def test_a_closed_pipe_ends_the_command_in_silence(plugin_package: Path, form: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    words = ("prompts", "--bench", "squares", "--format", form)
    status, _, err = _child(*words, plugins=plugin_package, stdout=writer)
    os.close(writer)
    assert status == 141
    assert err == ""


def test_a_path_that_is_no_utf_8(spatialbench: Command, tmp_path: Path) -> None:
    odd = os.fsdecode(b"out\xe9")
    outcome = spatialbench(*RUN[:-1], odd)
    assert outcome.status == 0
    assert "\\udce9" in outcome.err
    assert rb"$'out\\xe9'" in (Path(odd) / "manifest.json").read_bytes()
    assert spatialbench("status", odd).status == 0
    assert spatialbench("status", os.fsdecode(b"none\xe9")).status == 2


@pytest.mark.parametrize("words", [RUN[:-1], ("status",), ("gallery",), ("leaderboard",)])
def test_a_path_that_is_too_long(spatialbench: Command, words: tuple[str, ...]) -> None:
    outcome = spatialbench(*words, "x" * 5000)
    assert outcome.status == 2
    assert outcome.err.startswith("error: ") or "error: " in outcome.err
