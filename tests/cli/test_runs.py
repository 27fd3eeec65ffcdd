"""``spatialbench runs``: the list, and removing, moving, naming and comparing."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from rich.cells import cell_len

from spatialbench.api.inventory import STATES, Listed
from spatialbench.cli import root
from spatialbench.cli.parsing import RunFolder
from spatialbench.cli.runs import _report
from spatialbench.reports.results import read_summary
from spatialbench.reports.screen import Screen
from spatialbench.reports.view import View
from spatialbench.runs.finding import VARIABLE, runs_below
from spatialbench.runs.identity import run_id
from spatialbench.runs.lock import writing
from spatialbench.runs.manifest import read_manifest

from .conftest import Command
from .json_schemas import fits

PAINT = ("run", "--method", "painter", "--bench", "squares", "--limit", "4")


@pytest.fixture
def made(spatialbench: Command) -> Command:
    """Two finished runs: ``plain``, by its id in its own folder, and ``runs/two``, called weak."""
    assert spatialbench(*PAINT).status == 0
    assert (
        spatialbench(*PAINT, "--set", "skill=0.5", "--name", "weak", "--out", "runs/two").status
        == 0
    )
    return spatialbench


def plain() -> Path:
    (found,) = [path for path in runs_below(Path("runs")) if path.name != "two"]
    return found


def rows(command: Command, *arguments: object) -> list[dict[str, Any]]:
    outcome = command("runs", *arguments, "--format", "json")
    assert outcome.status == 0
    found: list[dict[str, Any]] = fits("runs", json.loads(outcome.out))["runs"]
    return found


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_every_run_is_listed_with_what_it_is(made: Command) -> None:
    before = snapshot(Path("runs"))
    two, one = sorted(rows(made), key=lambda row: row["run"] != "runs/two")
    assert snapshot(Path("runs")) == before
    assert two["run"] == "runs/two"
    assert (two["name"], one["name"]) == ("weak", None)
    assert two["id"] == read_manifest(Path("runs/two")).id
    for row in (one, two):
        assert (row["benchmark"], row["method"], row["backbone"]) == ("squares", "painter", "paint")
        assert (row["images"], row["images_expected"], row["state"]) == (8, 8, "done")
        files = [path for path in Path(row["run"]).rglob("*") if path.is_file()]
        assert row["bytes"] == sum(path.stat().st_size for path in files)
    assert "weak" in made("runs").out
    assert made("runs", "list").out == made("runs").out


def test_states_follow_what_is_there(made: Command) -> None:
    folder = plain()
    assert made("generate", *PAINT[1:5], "--limit", "6").status == 0
    (row,) = rows(made, folder)
    assert (row["images"], row["images_expected"], row["state"]) == (12, 12, "not scored")
    last = (folder / "images.jsonl").read_text().splitlines(keepends=True)
    (folder / "images.jsonl").write_text("".join(last[:-3]))
    (row,) = rows(made, folder)
    assert (row["images"], row["state"]) == (9, "unfinished")
    with writing(folder):
        assert [row["state"] for row in rows(made, folder)] == ["running"]
    (folder / "manifest.json").write_text("{")
    (row,) = rows(made, folder)
    assert (row["state"], row["id"], row["images"]) == ("unreadable", None, None)
    assert "manifest.json cannot be read" in row["error"]
    assert "manifest.json cannot be read" in made("runs").err


@pytest.mark.parametrize("width", [20, 40, 80, 120, 200])
@pytest.mark.parametrize("wide", [False, True])
def test_no_line_is_wider_than_the_terminal(width: int, wide: bool) -> None:
    name = "a name of eighty characters, of which some are 全角文字 and <b>others</b> =1+1|are not"
    path = Path("runs/some-benchmark/some-long-method@some-backbone") / ("0" * 12)
    told = ("some-benchmark:subset", "some-long-method", "some-backbone")
    runs = [
        Listed(path, "0" * 12, called, *told, 101_120, 101_120, state, 1e9)
        for called in (name[:80], None)
        for state in STATES
    ]
    text = _report(runs, sized=True).text("table", View(wide=wide), Screen(width, colour=False))
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert "0" * 12 in text
    assert "\x1b" not in text


def test_asking_whether_a_run_is_written_disturbs_nobody(made: Command) -> None:
    with writing(Path("runs/two"), shared=True):
        assert [row["state"] for row in rows(made, "runs/two")] == ["running"]
        with writing(Path("runs/two"), shared=True):
            pass


def test_filters_and_order(made: Command) -> None:
    assert [row["name"] for row in rows(made, "--name", "we*")] == ["weak"]
    assert [row["name"] for row in rows(made, "weak")] == ["weak"]
    assert len(rows(made, "--bench", "squares", "--method", "p*", "--backbone", "paint")) == 2
    assert rows(made, "--method", "sd") == []
    assert rows(made, "--state", "unfinished") == []
    names = [row["run"] for row in rows(made, "--sort", "folder")]
    assert names == sorted(names)
    assert [row["run"] for row in rows(made, "--sort", "folder", "--reverse")] == names[::-1]
    sizes = [row["bytes"] for row in rows(made, "--sort", "size")]
    assert sizes == sorted(sizes, reverse=True)
    os.utime("runs/two/manifest.json", (2e9, 2e9))
    assert [row["name"] for row in rows(made)] == ["weak", None]
    assert {row["bytes"] for row in rows(made, "--no-sizes")} == {None}
    assert "did you mean unfinished" in made("runs", "--state", "finished").err


def test_a_list_of_nothing_says_how_to_begin(spatialbench: Command) -> None:
    outcome = spatialbench("runs")
    assert (outcome.status, outcome.out) == (0, "")
    assert "there are no runs in runs; 'spatialbench run --help' says" in outcome.err
    assert rows(spatialbench) == []
    assert spatialbench("runs", "--format", "csv").out.startswith("run,id,name,")


def test_a_run_removed_while_it_is_listed_is_left_out(
    made: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def removed(folder: Path) -> object:
        if folder.name == "two":
            shutil.rmtree(folder)
        return read_manifest(folder)

    monkeypatch.setattr("spatialbench.api.inventory.read_manifest", removed)
    assert [row["run"] for row in rows(made)] == [str(plain())]


@pytest.mark.parametrize(
    "name",
    ["=1+1", "@x", "\\input{x}_%$&", "<script>alert(1)</script>", "a|b [c](d) `e`", "+1", "-1"],
)
def test_names_obey_nothing(made: Command, name: str) -> None:
    assert made("runs", "name", "--", "runs/two", name).status == 0
    assert [row["name"] for row in rows(made, "runs/two")] == [name]
    (cells,) = csv.DictReader(io.StringIO(made("runs", "runs/two", "--format", "csv").out))
    assert cells["name"] == (f"'{name}" if name[0] in "=@+-" and name not in "+1-1" else name)
    page = made("runs", "runs/two", "--format", "html").out
    assert "<script>alert" not in page
    latex = made("runs", "runs/two", "--format", "latex").out
    assert "\\input{" not in latex
    assert "[c](d)" not in made("runs", "runs/two", "--format", "md").out


def test_control_characters_never_become_a_name(made: Command) -> None:
    for name in ("a\x1b[31mb", "a\nb", "\u202eab", ""):
        outcome = made("runs", "name", "runs/two", name)
        assert outcome.status == 2
        assert "\x1b" not in outcome.err
    assert [row["name"] for row in rows(made, "runs/two")] == ["weak"]


def test_a_name_is_given_and_taken_away(made: Command) -> None:
    before = read_manifest(Path("runs/two"))
    assert made("runs", "name", "weak", "stronger, now").status == 0
    after = read_manifest(Path("runs/two"))
    assert after == before.model_copy(update={"name": "stronger, now"})
    assert "stronger, now" in made("leaderboard", "runs", "--no-published").out
    assert "2 runs have this name" in made("runs", "name", plain(), "stronger, now").err
    assert made("runs", "name", "runs/two", "--none").status == 0
    assert read_manifest(Path("runs/two")).name is None
    assert made("runs", "name", "runs/two").status == 2
    with writing(Path("runs/two")):
        assert "another process is working" in made("runs", "name", "runs/two", "x").err


def test_a_name_with_a_slash_names_its_run_and_none_is_another_runs_id(made: Command) -> None:
    assert made("runs", "name", "weak", "a/b").status == 0
    assert [row["run"] for row in rows(made, "a/b")] == ["runs/two"]
    refused = made("runs", "name", "a/b", plain().name)
    assert refused.status == 2
    assert f"{plain().name} is the id of the run in {plain()}" in refused.err
    own = read_manifest(Path("runs/two")).id
    assert made("runs", "name", "runs/two", own).status == 0


def test_an_empty_text_is_not_the_folder_here(
    made: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of a variable that is not set; here would be the run itself."""
    monkeypatch.setenv(VARIABLE, str(Path("runs").absolute()))
    monkeypatch.chdir("runs/two")
    for verb in (("rm", "--yes", ""), ("name", "", "x"), ("list", ""), ("mv", "", "../x")):
        outcome = made("runs", *verb)
        assert (outcome.status, outcome.out) == (2, ""), verb
        assert "no run is named: the text is empty" in outcome.err
    assert Path("manifest.json").exists()


def test_a_file_where_a_folder_was_a_moment_ago(
    made: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def replaced(place: Any) -> Any:
        if not isinstance(place, int) and Path(place).name == "painter@paint":
            shutil.rmtree(place)
            Path(place).write_text("x")
        return scandir(place)

    monkeypatch.setattr(os, "scandir", replaced)
    assert [row["run"] for row in rows(made)] == ["runs/two"]


def test_removal_needs_consent(made: Command) -> None:
    outcome = made("runs", "rm", "weak")
    assert outcome.status == 2
    assert "type 'spatialbench runs rm --yes runs/two'" in outcome.err
    assert Path("runs/two/manifest.json").exists()


def test_a_removed_run_is_gone_with_its_empty_folders(made: Command) -> None:
    folder = plain()
    assert made("runs", "rm", "--yes", folder.name[:8]).status == 0
    assert not folder.exists()
    assert sorted(os.listdir("runs")) == ["two"]
    assert made("runs", "rm", "--yes", "weak").status == 0
    assert os.listdir("runs") == []


def test_removing_follows_no_link(made: Command) -> None:
    outside = Path("outside")
    outside.mkdir()
    (outside / "kept").write_text("kept")
    Path("runs/two/images/link").symlink_to(outside.absolute())
    Path("runs/two/link").symlink_to(outside.absolute() / "kept")
    Path("runs/alias").symlink_to(Path("runs/two").absolute())
    outcome = made("runs", "rm", "--yes", "runs/alias")
    assert outcome.status == 2
    assert "is a link" in outcome.err
    assert made("runs", "rm", "--yes", "runs/two").status == 0
    assert (outside / "kept").read_text() == "kept"


def test_nothing_but_a_run_is_removed(made: Command) -> None:
    Path("app").mkdir()
    Path("app/manifest.json").write_text('{"name": "a web page", "start_url": "/"}')
    Path("file").write_text("x")
    before = snapshot(Path())
    for place in ("app", "file", "runs", ".", "/", "nothing/there", "runs/two/images"):
        outcome = made("runs", "rm", "--yes", place)
        assert outcome.status == 2, place
        assert outcome.err.startswith("error: ")
    shutil.copytree(plain(), "runs/two/inner")
    assert "other runs lie inside" in made("runs", "rm", "--yes", "runs/two").err
    shutil.rmtree("runs/two/inner")
    assert snapshot(Path()) == before


def test_the_set_around_a_run_and_a_damaged_run_stay(made: Command) -> None:
    Path("set").mkdir()
    shutil.copytree("runs/two", "set/run")
    assert "name the run itself, such as set/run" in made("runs", "rm", "--yes", "set").err
    Path("set/run/manifest.json").write_text("{")
    assert "remove or move the folder yourself" in made("runs", "rm", "--yes", "set/run").err
    assert Path("set/run/summary.json").exists()


def test_a_run_named_twice_is_removed_once(made: Command) -> None:
    assert made("runs", "rm", "--yes", "weak", "runs/two", Path("runs/two").absolute()).status == 0


def test_a_run_that_is_written_is_not_removed_or_moved(made: Command) -> None:
    with writing(Path("runs/two")):
        for verb in (("rm", "--yes", plain(), "runs/two"), ("mv", "runs/two", "elsewhere")):
            outcome = made("runs", *verb)
            assert outcome.status == 2
            assert "another process is working on runs/two" in outcome.err
    assert Path("runs/two/manifest.json").exists()
    assert plain().exists()


def test_a_removal_that_is_stopped_leaves_no_half_of_a_run(
    made: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:

        def stopped(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        patched.setattr(shutil, "rmtree", stopped)
        assert made("runs", "rm", "--yes", "runs/two").status == 130
    (rest,) = [name for name in os.listdir("runs") if name.startswith(".")]
    assert [row["run"] for row in rows(made)] == [str(plain())]
    assert not any(rest in row["run"] for row in leaderboard(made))
    assert made(*PAINT, "--out", "runs/three").status == 0
    assert made("runs", "rm", "--yes", "runs/three").status == 0
    assert rest not in os.listdir("runs")


_KILLED = """
import os, shutil, signal, sys
from spatialbench.cli import main

def killed(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(shutil, sys.argv[1], killed)
if sys.argv[1] == "copytree":
    rename = os.rename
    def other_disk(source, target):
        raise OSError(18, "Invalid cross-device link")
    os.rename = other_disk
main(sys.argv[2:])
"""


@pytest.mark.parametrize(
    ("where", "words", "left"),
    [
        ("rmtree", ("rm", "--yes", "runs/two"), 1),
        ("copytree", ("mv", "runs/two", "far/two"), 2),
    ],
)
def test_killed_in_the_middle(made: Command, where: str, words: list[str], left: int) -> None:
    before = snapshot(Path("runs/two")) if left > 1 else {}
    command = [sys.executable, "-c", _KILLED, where, "runs", *words]
    assert subprocess.run(command, check=False, capture_output=True).returncode == -9
    assert len(rows(made)) == left
    assert Path("far/two").exists() is False
    if before:
        assert snapshot(Path("runs/two")) == before
        assert made("runs", *words).status == 0
        assert len(rows(made, "far")) == 1
    assert made("runs", "rm", "--yes", *[row["run"] for row in rows(made)]).status == 0
    assert os.listdir("runs") == []


def leaderboard(command: Command) -> list[dict[str, Any]]:
    outcome = command("leaderboard", "runs", "--no-published", "--format", "json")
    assert outcome.status == 0, outcome.err
    found: list[dict[str, Any]] = json.loads(outcome.out)["rows"]
    return found


def test_a_run_removed_while_a_leaderboard_is_made(
    made: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def removed(folder: Path) -> object:
        if folder.name == "two":
            shutil.rmtree(folder)
        return read_summary(folder)

    monkeypatch.setattr("spatialbench.api.ranking.read_summary", removed)
    assert len(leaderboard(made)) == 1


def test_what_a_strangers_manifest_says_obeys_nothing(made: Command) -> None:
    odd = Path("runs/=cmd()|\x1b[2J<b>")
    shutil.copytree("runs/two", odd)
    identity = read_manifest(odd).identity
    identity["generator"]["method"] = "=HYPERLINK(1)\x1b[31m\n<script>"
    told = json.loads((odd / "manifest.json").read_text())
    told |= {"identity": identity, "id": run_id(identity)}
    (odd / "manifest.json").write_text(json.dumps(told))
    for form in ("table", "md", "csv", "html", "latex"):
        outcome = made("runs", "--format", form)
        assert "\x1b" not in outcome.out + outcome.err, form
        assert "<script>" not in outcome.out or form not in ("md", "html")
        if form == "csv":
            cells = [cell for row in csv.reader(io.StringIO(outcome.out)) for cell in row]
            assert not any(cell.startswith("=") for cell in cells)
    asked = made("runs", "rm", odd)
    assert asked.status == 2
    assert "\x1b" not in asked.err


def test_a_moved_run_is_compared_and_goes_on(made: Command) -> None:
    before = made("compare", plain(), "runs/two", "--format", "json").out
    outcome = made("runs", "mv", "weak", "kept/by hand")
    assert (outcome.status, outcome.out) == (0, "kept/by hand\n")
    after = made("compare", plain(), "kept/by hand", "--format", "json").out
    assert after.replace("kept/by hand", "runs/two") == before
    assert "weak" in made("leaderboard", "kept", "--no-published").out
    assert made("status", "kept/by hand").status == 0
    again = made(*PAINT, "--set", "skill=0.5", "--out", "kept/by hand")
    assert again.status == 0
    assert "8/8 images, complete" in again.err
    Path("shelf").mkdir()
    assert made("runs", "mv", "kept/by hand", "shelf").out == "shelf/by hand\n"


def test_a_move_goes_nowhere_it_must_not(made: Command) -> None:
    for to, said in (
        (plain(), "is there already"),
        ("runs/two/inner", "lies inside of the run"),
        (plain() / "inner/deep", "lies inside of the run"),
    ):
        outcome = made("runs", "mv", "runs/two", to)
        assert outcome.status == 2, to
        assert said in outcome.err
    assert Path("runs/two/manifest.json").exists()


def test_a_move_to_another_disk(made: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = os.rename

    def other_disk(source: Path, target: Path) -> None:
        if Path(source).name == "two":
            raise OSError(18, "Invalid cross-device link")
        rename(source, target)

    Path("runs/two/link").symlink_to("images.jsonl")
    before = snapshot(Path("runs/two"))
    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", other_disk)
        patched.setattr("spatialbench.runs.moving.remove_run", lambda folder: shutil.rmtree(folder))
        assert made("runs", "mv", "runs/two", "far/two").status == 0
    after = snapshot(Path("far/two"))
    moved = {name.replace("far/", "runs/"): content for name, content in after.items()}
    assert moved == {name: content for name, content in before.items() if ".lock" not in name}
    assert Path("far/two/link").is_symlink()
    assert not Path("runs/two").exists()
    assert made("status", "far/two", "--format", "json").status == 0


def differing(made: Command, *pair: object) -> tuple[dict[str, Any], dict[str, tuple[str, str]]]:
    outcome = made("runs", "diff", *pair, "--format", "json")
    assert outcome.status == 0, outcome.err
    document = fits("runs-diff", json.loads(outcome.out))
    return document, {d["what"]: (d["a"], d["b"]) for d in document["differences"]}


def test_two_runs_that_differ_say_in_what(made: Command) -> None:
    document, found = differing(made, plain(), "weak")
    assert not document["same_identity"]
    assert found["parameter skill"] == ("0.75", "0.5")
    assert [d["what"] for d in document["differences"] if d["kind"] == "identity"] == [
        "parameter skill"
    ]
    shared = document["shared"]
    counts = [
        json.loads((folder / "summary.json").read_text()) for folder in (plain(), Path("runs/two"))
    ]
    assert shared["judged"] == counts[0]["images"] == 8
    assert shared["right_a"] != shared["right_b"]
    assert found[f"right of {shared['judged']} images judged in both"] == (
        str(shared["right_a"]),
        str(shared["right_b"]),
    )
    text = made("runs", "diff", plain(), "weak").out
    assert "parameter skill" in text
    assert "the identity differs" in text


def test_selections_and_measurements_differ(made: Command) -> None:
    shutil.copytree("runs/two", "runs/three")
    assert made(*PAINT[:-1], "6", "--set", "skill=0.5", "--out", "runs/three").status == 0
    assert made("score", "runs/three", "--threshold", "0.9").status == 0
    document, found = differing(made, "runs/two", "runs/three")
    assert document["same_identity"]
    assert found["prompts asked for"] == ("4", "6")
    assert found["prompts that only one of them has"] == ("0", "2")
    assert found["finished images"] == ("8", "12")
    assert found["threshold"][1] == "0.9"
    assert document["shared"]["same_bytes"] == 8


def test_nothing_differs(made: Command) -> None:
    shutil.copytree("runs/two", "runs/copy")
    document, found = differing(made, "runs/two", "runs/copy")
    assert document["same_identity"]
    assert found == {}
    outcome = made("runs", "diff", "runs/two", "runs/copy")
    assert "nothing differs" in outcome.out


def test_runs_lie_where_the_variable_says(
    spatialbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "all my runs"))
    assert spatialbench(*PAINT).status == 0
    assert not (tmp_path / "runs").exists()
    (row,) = rows(spatialbench)
    assert Path(row["run"]).is_relative_to(tmp_path / "all my runs")
    (tmp_path / "deeper").mkdir()
    monkeypatch.chdir(tmp_path / "deeper")
    again = spatialbench(*PAINT)
    assert "8/8 images, complete" in again.err
    assert spatialbench("status", row["id"][:6]).status == 0
    assert spatialbench("leaderboard", "runs/squares/painter@paint", "--no-published").status == 0


def test_whatever_is_called_a_run_is_found_by_id_and_name() -> None:
    """Also in a verb that nobody has put into the list below."""

    def arguments(command: click.Command, words: str) -> Iterator[tuple[str, click.Parameter]]:
        context = click.Context(command)
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                inside = command.get_command(context, name)
                assert inside is not None
                yield from arguments(inside, f"{words} {name}")
        for one in command.params:
            if isinstance(one, click.Argument):
                yield words, one

    found = [(words, one) for words, one in arguments(root, "") if one.name in ("run", "runs")]
    assert len(found) > 20
    assert [words for words, one in found if not isinstance(one.type, RunFolder)] == []


VERBS: dict[str, Callable[[Path], list[object]]] = {
    "status": lambda out: [],
    "score": lambda out: [],
    "detect": lambda out: [],
    "leaderboard": lambda out: ["--no-published"],
    "gallery": lambda out: ["--no-sweep"],
    "power": lambda out: [],
    "gate": lambda out: ["--write", out / "gate.json"],
    "export": lambda out: ["--layout", "results", "--out", out / "results"],
}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_takes_a_name(made: Command, tmp_path: Path, verb: str) -> None:
    outcome = made(verb, "weak", *VERBS[verb](tmp_path))
    assert "there is no run directory" not in outcome.err
    by_folder = made(verb, "runs/two", *VERBS[verb](tmp_path / "again"))
    assert outcome.status == by_folder.status
    assert "can mean" not in outcome.err
