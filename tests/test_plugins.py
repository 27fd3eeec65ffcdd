"""Discovery: a stranger's package is found, a broken one is named."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

import pytest

from spatialbench import plugins
from spatialbench.errors import UserError
from spatialbench.plugins import Kind, discovery


def _distribution(folder: Path, name: str, entry_points: str) -> None:
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)


def test_a_strangers_package_adds_one_of_each(plugin_package: Path) -> None:
    kinds: tuple[tuple[Kind, str], ...] = (
        ("method", "painter"),
        ("detector", "colour-blobs"),
        ("benchmark", "squares"),
    )
    for kind, name in kinds:
        assert name in plugins.names(kind)
        assert plugins.load(kind, name).name == name


def test_the_projects_own_plugins_come_through_entry_points() -> None:
    assert {"sd", "infsplign"} <= set(plugins.names("method"))
    assert {"owlvit", "lab-owlvit"} <= set(plugins.names("detector"))
    assert "visor" in plugins.names("benchmark")


def test_a_method_of_01_is_told_what_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _distribution(tmp_path, "old-thing", "[spatialbench.generators]\nold = json:dumps\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UserError, match=r"package old-thing .* now spatialbench\.methods"):
        plugins.load("method", "old")


def test_an_unknown_name_lists_near_matches() -> None:
    with pytest.raises(UserError, match=r"unknown benchmark 'visr': did you mean visor\?"):
        plugins.load("benchmark", "visr")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("no_such_module:PLUGIN", "ModuleNotFoundError"),
        ("json:no_such_attribute", "AttributeError"),
        ("json:dumps", "is a function: expected an object of a class that inherits"),
    ],
)
def test_a_broken_plugin_names_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, reason: str
) -> None:
    _distribution(tmp_path, "broken-thing", f"[spatialbench.detectors]\nodd = {value}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UserError, match="broken-thing") as caught:
        plugins.load("detector", "odd")
    assert reason in str(caught.value)


def test_two_packages_with_one_name_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _distribution(tmp_path, "first", "[spatialbench.detectors]\ntwin = json:dumps\n")
    _distribution(tmp_path, "second", "[spatialbench.detectors]\ntwin = json:loads\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UserError, match="claimed by two packages, first and second"):
        plugins.load("detector", "twin")


def test_the_files_of_packages_are_read_once_for_all_kinds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = "[spatialbench.benchmarks]\nodd = nowhere:ODD\n[spatialbench.rules]\nnew = a:B\n"
    _distribution(tmp_path, "more-plugins", entries)
    monkeypatch.syspath_prepend(str(tmp_path))
    calls = []

    def read() -> object:
        calls.append(1)
        return entry_points()

    monkeypatch.setattr(discovery, "entry_points", read)
    found = {kind: plugins.names(kind) for kind in plugins.KINDS}
    assert "odd" in found["benchmark"]
    assert "new" in found["rule"]
    assert "odd" not in found["rule"]
    assert calls == [1]


def test_an_installed_plugin_is_checked_once_and_another_object_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "_sound", {})
    looked_at = []
    with monkeypatch.context() as patch:
        patch.setattr(discovery, "checked", lambda plugin, *_: looked_at.append(plugin))
        first = plugins.load("rule", "pse")
        assert plugins.load("rule", "pse") is first
        assert looked_at == [first]
        patch.setitem(discovery._sound, ("rule", "pse"), plugins.load("rule", "esplora-r1"))
        plugins.load("rule", "pse")
    assert looked_at[1:] == [plugins.load("rule", "esplora-r1"), first]
    _distribution(tmp_path, "nothing", "[spatialbench.rules]\nnone = posixpath:altsep\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UserError, match="the package nothing is a NoneType"):
        plugins.load("rule", "none")
