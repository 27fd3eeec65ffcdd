"""The package as installed: what it imports, and that wheel and editable install are whole."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import spatialbench

ROOT = Path(__file__).parents[1]
IMPORTS = (
    "import spatialbench.benchmarks.visor as v, spatialbench.detectors as d, sys;"
    "print(v.__file__); print(d.__file__); print(v.PLUGIN.name)"
)


def _python(code: str, cwd: Path, *options: str) -> str:
    command = [sys.executable, *options, "-c", code]
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout


PACKAGES = {
    "spatialbench": "spatialbench",
    "benchmarks": "spatialbench/benchmarks",
    "detectors": "spatialbench/detectors",
    "judges": "spatialbench/judges",
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy: building a wheel leaves files behind."""
    copy = tmp_path_factory.mktemp("wheel-source")
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    (copy / "tests").mkdir()
    (copy / "tests" / "test_nothing.py").touch()
    for folder in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", ".*")
        shutil.copytree(ROOT / folder, copy / folder, ignore=ignored)
    return copy


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--wheel-dir", str(out), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return next(out.glob("*.whl"))


def test_importing_the_package_imports_no_heavy_library(tmp_path: Path) -> None:
    heavy = {"torch", "diffusers", "transformers", "pandas", "pyarrow", "ray", "numpy"}
    printed = _python("import spatialbench, sys; print(' '.join(sys.modules))", tmp_path)
    assert not heavy & set(printed.split())


def test_the_editable_install_imports_from_outside_the_repository(tmp_path: Path) -> None:
    benchmark, detectors, name = _python(IMPORTS, tmp_path).splitlines()
    assert Path(benchmark).name == Path(detectors).name == "__init__.py"
    assert name == "visor"


def _files() -> dict[str, str]:
    """Every file of the packages, by where it lies in the sources and in the wheel."""
    return {
        f"{folder}/{path.relative_to(ROOT / folder).as_posix()}": (
            f"{installed}/{path.relative_to(ROOT / folder).as_posix()}"
        )
        for folder, installed in PACKAGES.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not {"__pycache__"} & set(path.parts)
        if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
    }


def test_the_wheel_holds_every_module_and_data_file(source: Path, wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    files = _files()
    assert {"spatialbench/py.typed", "spatialbench/benchmarks/visor/published.json"} <= held
    assert sum(name.endswith(".safetensors") for name in held) >= 5
    assert set(files.values()) <= held
    assert not any(
        name.startswith(("benchmarks/", "detectors/", "judges/", "tests/")) for name in held
    )


def test_the_sources_hold_what_the_wheel_is_made_of_and_no_tests(source: Path, wheel: Path) -> None:
    """As setuptools lists them for an sdist; a few tests without their neighbours cannot run."""
    (listed,) = source.glob("*.egg-info/SOURCES.txt")
    names = {Path(line).as_posix() for line in listed.read_text().splitlines()}
    assert set(_files()) | {"LICENSE", "README.md", "pyproject.toml", "setup.py"} <= names
    assert not any(name.startswith("tests/") for name in names)


def test_the_wheel_imports_where_the_repository_is_not(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    # -S keeps the editable install out; the dependencies then come from the same folders by path.
    dependencies = [path for path in sys.path if path.endswith("site-packages")]
    path = f"import sys; sys.path[:0] = [{str(site)!r}]; sys.path.extend({dependencies!r});"
    benchmark, detectors, name = _python(path + IMPORTS, tmp_path, "-S").splitlines()
    assert Path(benchmark).is_relative_to(site)
    assert Path(detectors).is_relative_to(site)
    assert name == "visor"
    run = "from spatialbench.cli import main; sys.exit(main(sys.argv[1:]))"
    for arguments, told in (
        (["--version"], f"version {spatialbench.__version__}"),
        (["list", "methods"], "infsplign"),
        (["list", "benchmarks"], "t2i-compbench"),
        (["reproduce", "--list"], "infsplign-thesis/table-2"),
        (["run", "--method", "sd", "--bench", "visor", "--limit", "1", "--dry-run"], "lab-owlvit"),
    ):
        command = [sys.executable, "-S", "-c", path + run, *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert (done.returncode, told in done.stdout + done.stderr) == (0, True), done.stderr
