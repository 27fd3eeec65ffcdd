"""The Dockerfile's form, what it copies, and its own checks; no image is built."""

from __future__ import annotations

import fnmatch
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "Dockerfile").read_text()
LINES = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", TEXT, flags=re.MULTILINE)).splitlines()
STEPS = [line.split(None, 1) for line in LINES if line.strip()]


def _of(word: str) -> list[str]:
    return [rest for name, rest in STEPS if name == word]


def test_every_line_is_an_instruction() -> None:
    known = "ARG FROM WORKDIR COPY RUN SHELL ENV USER VOLUME ENTRYPOINT CMD"
    assert {name for name, _ in STEPS} == set(known.split())


def test_what_it_copies_is_there_and_is_sent_to_it() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[0] == "*"
    sent = [line[1:] for line in lines if line.startswith("!")]
    copied = [word for rest in _of("COPY") for word in rest.split()[:-1]]
    assert len(copied) > 5
    for name in copied:
        assert (ROOT / name).exists()
        assert any(fnmatch.fnmatch(name, pattern) for pattern in sent), name
    # A wheel is made from what setup.py and pyproject.toml ask for.
    assert {"spatialbench", "benchmarks", "detectors", "judges", "README.md", "LICENSE"} <= set(
        copied
    )


def test_it_ends_as_somebody_with_few_rights_and_a_cache_that_stays() -> None:
    assert STEPS[-1][0] == "CMD"
    user = _of("USER")[-1]
    (made,) = [run for run in _of("RUN") if "useradd" in run]
    assert f"--uid {user} " in made
    assert int(user) > 0
    (volume,) = _of("VOLUME")
    places = dict(re.findall(r"(HF_HOME|SPATIALBENCH_CACHE)=(\S+)", " ".join(_of("ENV"))))
    assert len(places) == 2
    assert all(place.startswith(volume.strip('["]') + "/") for place in places.values())


@pytest.mark.parametrize(
    ("variant", "built", "status", "told"),
    [
        ("cpu", "None", 0, ""),
        ("cuda", "'13.0'", 0, ""),
        ("cuda", "None", 2, "this torch is built for cpu, not for cuda"),
        ("cpu", "'13.0'", 2, "this torch is built for cuda, not for cpu"),
        ("rocm", "None", 2, "VARIANT must be cpu or cuda, not 'rocm'"),
    ],
)
@pytest.mark.parametrize("index", ["", "https://index.invalid/cpu"])
def test_the_build_of_torch_is_the_one_that_was_asked_for(
    tmp_path: Path, variant: str, built: str, status: int, told: str, index: str
) -> None:
    (script,) = [run for run in _of("RUN") if "TORCH_INDEX" in run]
    pip = tmp_path / "pip"
    pip.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > pip.log\n')
    pip.chmod(0o755)
    (tmp_path / "torch.py").write_text(f"class version:\n    cuda = {built}\n")
    environment = {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(tmp_path),
        "VARIANT": variant,
        "TORCH_INDEX": index,
    }
    command = ["/bin/bash", "-o", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, told in done.stderr) == (status, True), done.stderr
    log = tmp_path / "pip.log"
    if variant == "rocm":
        assert not log.exists()
    else:
        given = ["--index-url", index] if index else []
        words = ["install", "--constraint", "/tmp/constraints.txt", *given, "torch"]
        assert log.read_text().split() == words
