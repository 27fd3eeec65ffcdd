"""Builds sdist and wheel, installs the wheel as a stranger would, and makes a run with it. By hand:

python -m tests.measurements.installed_wheel [--pipx]

Needs the packages `build` and `twine`. What the wheel depends on is taken from the environment
that runs this, by a path file; ``--pipx`` installs it with pipx and with uvx besides, with
everything that it depends on.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUN = "run --method sd --bench visor --limit 1 --images-per-prompt 2 --steps 5"


def call(*command: object, cwd: Path, **more: str) -> str:
    """What a command prints; it fails as the command does."""
    words = [str(word) for word in command]
    began = time.monotonic()
    environment = {**os.environ, **more}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True)
    print(f"{done.returncode} in {time.monotonic() - began:.0f} s: {' '.join(words)}")
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return done.stdout


def built(folder: Path) -> Path:
    """The wheel made from the sdist that is made from what git tracks."""
    source = folder / "source"
    source.mkdir()
    tracked = call("git", "ls-files", "-z", cwd=ROOT)
    for name in filter(None, tracked.split("\0")):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((ROOT / name).read_bytes())
    call(sys.executable, "-m", "build", "--outdir", folder / "dist", source, cwd=folder)
    files = sorted((folder / "dist").iterdir())
    print(*(f"{file.name}: {file.stat().st_size / 1e6:.1f} MB" for file in files), sep="\n")
    print(call(sys.executable, "-m", "twine", "check", "--strict", *files, cwd=folder))
    return next(file for file in files if file.suffix == ".whl")


def fresh(folder: Path, wheel: Path) -> Path:
    """An environment with the wheel, and this one's packages for what it needs."""
    call(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    call(python, "-m", "pip", "install", "--quiet", "--no-deps", wheel, cwd=folder)
    (own,) = (folder / "venv").glob("lib/*/site-packages")
    # After the environment's own packages, so that spatialbench is the wheel's.
    folders = [path for path in sys.path if path.endswith("-packages")]
    (own / "dependencies.pth").write_text("\n".join(folders))
    return folder / "venv" / "bin" / "spatialbench"


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        wheel = built(folder)
        elsewhere = folder / "elsewhere"
        elsewhere.mkdir()
        command = fresh(folder, wheel)
        where = "import spatialbench, spatialbench.benchmarks as b; print(b.__file__)"
        print(call(command.parent / "python", "-c", where, cwd=elsewhere))
        print(call(command, "--version", cwd=elsewhere))
        for kind in ("methods", "benchmarks", "backbones"):
            print(len(call(command, "list", kind, cwd=elsewhere).splitlines()), "lines")
        print(call(command, "doctor", cwd=elsewhere)[-600:])
        print(call(command, *RUN.split(), cwd=elsewhere))
        if "--pipx" in sys.argv:
            home = {"PIPX_HOME": str(folder / "pipx"), "PIPX_BIN_DIR": str(folder / "bin")}
            call("pipx", "install", wheel, cwd=elsewhere, **home)
            print(call(folder / "bin" / "spatialbench", "--version", cwd=elsewhere))
            print(call("uvx", "--from", wheel, "spatialbench", "--version", cwd=elsewhere))


if __name__ == "__main__":
    main()
