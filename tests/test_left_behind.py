"""The guard of all tests finds what a test leaves to the next, and only that."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

_LEFT = {
    "test_nested": "another getlogin of module os",
    "test_nested_variables": "another LEFT of _Environ",
    "test_folder": "another working folder",
    "test_umask": "another umask",
    "test_log": "another log",
    "test_signal": "another handler of SIGALRM",
}
_TESTS = """
import logging, os, shutil, signal, sys

class Owner:
    @staticmethod
    def one(): pass
    def two(self): pass

owner = Owner()

def test_clean(monkeypatch):
    for name in ("one", "two"):
        monkeypatch.setattr(Owner, name, 3)
        monkeypatch.setattr(owner, name, 4)
    with monkeypatch.context() as patch:
        monkeypatch.setattr(shutil, "move", None)
        patch.setattr(os, "replace", None)
        patch.setattr(shutil, "copy", None)
    monkeypatch.setattr(shutil, "copy", None)
    monkeypatch.delattr("os.fork")
    monkeypatch.setitem(sys.modules, "left", None)
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.chdir("/")
    monkeypatch.syspath_prepend("/left")

def test_nested(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(os, "getlogin", "inner")
        monkeypatch.setattr(os, "getlogin", "outer")

def test_after_it():
    pass

def test_nested_variables(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("LEFT", "inner")
        monkeypatch.setenv("LEFT", "outer")

def test_variable():
    os.environ["TERM"] = "left"
    del os.environ["COLUMNS"]

def test_variables_are_put_back():
    assert os.environ["TERM"] == "set" and os.environ["COLUMNS"] == "1000"

def test_folder():
    os.chdir("/")

def test_umask():
    os.umask(0o177)

def test_log():
    logging.getLogger("spatialbench").setLevel("DEBUG")

def test_signal():
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
"""


def test_the_test_that_leaves_something_fails(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(_TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider"]
    command += ["-p", "tests.left_behind", "-c", os.devnull, "--rootdir", str(tmp_path)]
    ran = subprocess.run(
        [*command, str(tmp_path / "test_it.py")],
        cwd=Path(__file__).parents[1],
        env=os.environ | {"COLUMNS": "1000", "TERM": "set"},
        capture_output=True,
        text=True,
    )
    errors = dict(re.findall(r"^ERROR .*::(\w+) - .*: (.*)$", ran.stdout, re.MULTILINE))
    assert errors == _LEFT, ran.stdout
    assert "10 passed, 6 errors" in ran.stdout
