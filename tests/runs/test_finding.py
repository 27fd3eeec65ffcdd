"""Where runs are, and which of them a text means."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spatialbench.errors import UserError
from spatialbench.runs.finding import VARIABLE, found_run, runs_below, runs_root
from spatialbench.runs.identity import run_id
from spatialbench.runs.manifest import NAME, Manifest
from spatialbench.runs.selection import Selection


def put(root: Path, steps: int, name: str | None = None, place: str | None = None) -> Manifest:
    """A run of which only the manifest is there."""
    generator = {"method": "sd", "backbone": "lab", "steps": steps}
    told = {"benchmark": "shapes", "subset": "all", "seeds": "protocol", "prompt_set": "x"}
    identity = {**told, "generator": generator}
    made = Manifest(
        id=run_id(identity), identity=identity, selection=Selection(), machines=[], name=name
    )
    folder = root / (place or f"shapes/sd@lab/{made.id}")
    folder.mkdir(parents=True)
    (folder / NAME).write_text(made.text())
    return made


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory inside a project."""
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    monkeypatch.chdir(project)
    monkeypatch.delenv(VARIABLE, raising=False)
    return project


def test_runs_of_the_working_directory_win(here: Path) -> None:
    assert runs_root() == Path("runs")
    put(here.parent / "runs", 1)
    (here / "runs").mkdir()
    assert runs_root() == Path("runs")


def test_the_same_runs_from_everywhere_in_a_project(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = here / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert runs_root() == Path("runs")
    # What other tools put into folders of that name does not count.
    (here / "a" / "runs" / "detect" / "train@2" / "weights").mkdir(parents=True)
    assert runs_root() == Path("runs")
    put(here / "runs", 1)
    assert runs_root() == Path("../../runs")
    assert runs_root().resolve() == here / "runs"


def test_nothing_above_the_project_is_taken(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(here.parent / "runs", 1)
    (here / "a").mkdir()
    monkeypatch.chdir(here / "a")
    assert runs_root() == Path("runs")


def test_the_variable_wins(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "runs").mkdir()
    monkeypatch.setenv(VARIABLE, str(here / "elsewhere"))
    assert runs_root() == here / "elsewhere"
    monkeypatch.setenv(VARIABLE, "~/mine")
    assert runs_root() == Path.home() / "mine"
    for blank in ("", "  "):
        monkeypatch.setenv(VARIABLE, blank)
        assert runs_root() == Path("runs")
    (here / "file").touch()
    monkeypatch.setenv(VARIABLE, "file")
    with pytest.raises(UserError, match="SPATIALBENCH_RUNS is file, which is a file"):
        runs_root()


def test_id_name_and_beginnings_mean_a_run(here: Path) -> None:
    one, other = put(here / "runs", 1, "my first"), put(here / "runs", 2, place="by hand/two")
    place = Path("runs/shapes/sd@lab") / one.id
    for text in (one.id, one.id[:5], "my first", "my f", f"shapes/sd@lab/{one.id}", str(place)):
        assert found_run(text) == place, text
    assert found_run(other.id) == Path("runs/by hand/two")
    assert found_run("shapes") == Path("runs/shapes")


def test_what_exists_as_a_path_wins(here: Path) -> None:
    one = put(here / "runs", 1, "mine")
    for text in ("mine", one.id):
        (here / text).mkdir()
        assert found_run(text) == Path(text)


def test_a_path_means_the_folder_of_the_runs_wherever_that_is(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(here.parent / "all"))
    put(here.parent / "all", 1)
    assert found_run("runs/shapes/sd@lab") == here.parent / "all/shapes/sd@lab"
    assert found_run("runs/../runs/shapes") == Path("runs/../runs/shapes")
    assert found_run("/nowhere/shapes") == Path("/nowhere/shapes")


def test_an_exact_name_is_no_beginning(here: Path) -> None:
    put(here / "runs", 1, "sd")
    put(here / "runs", 2, "sd tuned")
    assert found_run("sd").parts[-1] != found_run("sd ").parts[-1]


def test_several_are_listed(here: Path) -> None:
    put(here / "runs", 1, "tuned once")
    put(here / "runs", 2, "tuned twice")
    with pytest.raises(UserError, match=r"'tuned' can mean 2 runs: .*tuned.*tuned"):
        found_run("tuned")
    copy = put(here / "runs", 3)
    put(here / "runs", 3, place="copy")
    with pytest.raises(UserError, match=f"{copy.id} in runs/copy; {copy.id} in runs/shapes"):
        found_run(copy.id)


def test_near_matches_of_an_unknown_name(here: Path) -> None:
    put(here / "runs", 1, "infsplign, tuned")
    with pytest.raises(UserError, match=r"did you mean [0-9a-f]{12} \(infsplign, tuned\) in runs/"):
        found_run("infspline tuned")
    with pytest.raises(UserError, match="'spatialbench runs' lists the 1 there are"):
        found_run("zzzz")


def test_no_runs_at_all(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=f"there is no run directory x.*Set {VARIABLE} to the fol"):
        found_run("x")
    monkeypatch.setenv(VARIABLE, "none")
    with pytest.raises(UserError, match=f"a run in none .*Set {VARIABLE} to another folder"):
        found_run("x")


def test_a_run_that_cannot_be_read_hides_no_other(here: Path) -> None:
    one = put(here / "runs", 1)
    broken = here / "runs" / "shapes" / "sd@lab" / "000000000000"
    broken.mkdir()
    (broken / NAME).write_text("{")
    assert found_run(one.id[:6]).name == one.id


def test_hidden_folders_and_links_are_not_entered(here: Path) -> None:
    put(here / "runs", 1, place="seen")
    put(here / "runs", 2, place=".left/over")
    put(here / "else", 3, place="where")
    (here / "runs" / "link").symlink_to(here / "else")
    assert runs_below(Path("runs")) == [Path("runs/seen")]


def test_a_folder_that_is_removed_while_it_is_listed(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(here / "runs", 1, place="a/run")
    put(here / "runs", 2, place="b/run")
    scan = os.scandir

    def gone(path: Path) -> object:
        if Path(path).name == "a":
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", gone)
    assert runs_below(Path("runs")) == [Path("runs/b/run")]
