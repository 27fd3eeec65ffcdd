"""Makes a checkout usable where the package is not installed: ``PYTHONPATH`` is all there is.

What an installation adds is where benchmarks, detectors and judges are found, and the names of the
plug-ins; both are read from the checkout.
"""

from __future__ import annotations

import sys
import tempfile
import tomllib
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]


def usable() -> None:
    """Do what an installation would, for this process; nothing where there is one."""
    import spatialbench

    if find_spec("spatialbench.detectors") is None:
        spatialbench.__path__.append(str(ROOT))
    if entry_points(group="spatialbench.methods"):
        return
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    folder = Path(tempfile.mkdtemp(prefix="spatialbench-")) / "spatialbench-0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: spatialbench\nVersion: 0\n")
    groups = project["entry-points"].items()
    lines = [
        f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in named.items())
        for group, named in groups
    ]
    (folder / "entry_points.txt").write_text("\n".join(lines))
    sys.path.append(str(folder.parent))
