"""What importing something imports besides: found in a process of its own."""

from __future__ import annotations

import subprocess
import sys


def imported_by(code: str) -> set[str]:
    """Names of all modules that a new Python holds after running the code."""
    command = [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.split())
