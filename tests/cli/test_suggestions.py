"""Every command that a message suggests is one that there is, and works where it is suggested."""

from __future__ import annotations

import ast
import json
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from spatialbench.cli import _VERBS, root
from spatialbench.errors import typed
from spatialbench.runs.store import RunDirectory

from .conftest import Command, Outcome

ROOT = Path(__file__).parents[2]
_QUOTED = re.compile(r"'(spatialbench [a-z][^'\n]*)'")
_BARE = re.compile(
    r"(?:next|Then|give again): (spatialbench .*)|^next +(spatialbench .*?) *$", re.M
)
_PLACEHOLDER = re.compile(r"\b[A-Z]{2,}\d?\b|<|\.\.\.|HOLE")

RUN = ("--method", "painter", "--bench", "squares", "--out", "my runs/one")
ONE = Path("my runs/one")


def suggested(text: str) -> list[str]:
    """The commands that a message or a status names as what to type."""
    bare = [one or other for one, other in _BARE.findall(text)]
    return list(dict.fromkeys([*_QUOTED.findall(text), *bare]))


def as_it_stands(line: str) -> bool:
    """Whether a command can be typed without filling anything in."""
    return not _PLACEHOLDER.search(line)


def _texts(path: Path) -> Iterator[str]:
    """The texts of a source file, with HOLE for what is filled in; docstrings are no messages."""
    tree = ast.parse(path.read_text())
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)
              for part in ast.walk(node) if part is not node}  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "HOLE"
                for part in node.values
            )
        elif isinstance(node, ast.Constant) and id(node) not in inside:
            yield str(node.value)


def _check_words(line: str) -> None:
    """That verb and options of a command are ones there are."""
    words = shlex.split(line)[1:]
    group: click.Command = root
    context = click.Context(root)
    while isinstance(group, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0)
        found = group.get_command(context, name)
        assert found is not None, f"no command {name} in {line!r}"
        group = found
    known = {option for parameter in group.params for option in parameter.opts}
    for word in words:
        if word.startswith("--") and "HOLE" not in word:
            assert word.partition("=")[0] in known | {"--help"}, f"{word} in {line!r}"


def test_whatever_a_message_suggests_is_a_command_with_its_options() -> None:
    lines = []
    for room in ("spatialbench", "detectors", "benchmarks"):
        for path in sorted((ROOT / room).rglob("*.py")):
            lines += [line for text in _texts(path) for line in _QUOTED.findall(text)]
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        lines += re.findall(r"`(spatialbench [a-z][^`\n]*)`", path.read_text())
    assert len(lines) > 50
    for line in lines:
        verb = line.split()[1]
        assert verb in _VERBS, line
        _check_words(line.replace("'", ""))


def test_paths_with_blanks_and_quotes_can_be_copied() -> None:
    for name in ("my run", "it's", 'a "b"', "$HOME/x", "plain-1@2", "über"):
        assert shlex.split(typed("score", name)) == ["spatialbench", "score", name]
    assert suggested(f"type '{typed('score', 'my run')}' first") == ['spatialbench score "my run"']


# Situations: each leaves something to be done and returns what said so.
def _only_images(spatialbench: Command) -> Outcome:
    spatialbench("generate", *RUN, "--limit", "2")
    return spatialbench("score", ONE)


def _status_of_only_images(spatialbench: Command) -> Outcome:
    spatialbench("generate", *RUN, "--limit", "2")
    return spatialbench("status", ONE)


def _generate_itself(spatialbench: Command) -> Outcome:
    return spatialbench("generate", *RUN, "--limit", "2")


def _detect_itself(spatialbench: Command) -> Outcome:
    spatialbench("generate", *RUN, "--limit", "2")
    return spatialbench("detect", ONE)


def _export_without_detections(spatialbench: Command) -> Outcome:
    spatialbench("generate", *RUN, "--limit", "2")
    return spatialbench("export", ONE, "--layout", "detections", "--out", "d.jsonl")


def _another_detector(spatialbench: Command) -> Outcome:
    spatialbench("generate", *RUN, "--limit", "2")
    return spatialbench("score", ONE, "--detector", "colour-blobs")


def _half_looked_at(spatialbench: Command) -> Outcome:
    spatialbench("generate", *RUN, "--limit", "2")
    spatialbench("detect", ONE, "--detector", "colour-blobs")
    spatialbench("generate", *RUN, "--limit", "4")
    outcome = spatialbench("status", ONE)
    assert "--detector colour-blobs@1" in outcome.out
    return outcome


def _half_made(spatialbench: Command) -> Outcome:
    spatialbench("run", *RUN, "--limit", "2")
    next((ONE / "images").rglob("*.png")).unlink()
    return spatialbench("status", ONE)


def _two_detectors(spatialbench: Command) -> None:
    spatialbench("generate", *RUN, "--limit", "2")
    spatialbench("detect", ONE)
    directory = RunDirectory(ONE)
    other = directory.detector_folder("half-blind@1")
    shutil.copytree(directory.detector_folder("colour-blobs@1"), other)
    said = (other / "detector.json").read_text()
    (other / "detector.json").write_text(said.replace("colour-blobs", "half-blind"))


def _unscored_by_two(spatialbench: Command) -> Outcome:
    _two_detectors(spatialbench)
    return spatialbench("status", ONE)


def _unscored(verb: str) -> Callable[[Command], Outcome]:
    def situation(spatialbench: Command) -> Outcome:
        spatialbench("generate", *RUN, "--limit", "2")
        return spatialbench(verb, *[ONE] * (2 if verb == "compare" else 1))

    return situation


def _folder_of_unscored_runs(spatialbench: Command) -> Outcome:
    spatialbench("generate", *RUN, "--limit", "2")
    return spatialbench("leaderboard", ONE.parent)


def _lost_scores(spatialbench: Command) -> Outcome:
    spatialbench("run", *RUN, "--limit", "2")
    (ONE / "scores.parquet").unlink()
    return spatialbench("gallery", ONE)


def _damaged_summary(spatialbench: Command) -> Outcome:
    spatialbench("run", *RUN, "--limit", "2")
    (ONE / "summary.json").write_text("{}")
    return spatialbench("leaderboard", ONE)


def _damaged_detector(spatialbench: Command) -> Outcome:
    spatialbench("run", *RUN, "--limit", "2")
    file = RunDirectory(ONE).detector_file("colour-blobs@1")
    file.write_text("{")
    outcome = spatialbench("status", ONE)
    assert f"{file} is damaged" in outcome.err
    assert "delete it and type" in outcome.err
    file.unlink()
    return outcome


def _shard(spatialbench: Command) -> Outcome:
    return spatialbench("run", *RUN, "--limit", "2", "--shard", "1/2")


def _detector_without_weights(spatialbench: Command) -> Outcome:
    return spatialbench("run", *RUN, "--limit", "2", "--detector", "owlvit", "--offline")


def _imported_images(spatialbench: Command) -> Outcome:
    spatialbench("generate", *RUN, "--limit", "2")
    spatialbench("export", ONE, "--layout", "flat+csv", "--out", "theirs")
    return spatialbench(
        "import", "theirs", "--layout", "flat+csv", "--bench", "squares", "--name", "theirs",
        "--allow-partial",
    )  # fmt: skip


SITUATIONS: dict[str, Callable[[Command], Outcome]] = {
    function.__name__.strip("_"): function
    for function in (
        _only_images, _status_of_only_images, _generate_itself, _detect_itself,
        _export_without_detections, _another_detector, _half_looked_at, _half_made,
        _unscored_by_two, _folder_of_unscored_runs, _lost_scores, _damaged_summary,
        _damaged_detector, _shard, _detector_without_weights, _imported_images,
    )
}  # fmt: skip
SITUATIONS |= {
    f"unscored {verb}": _unscored(verb) for verb in ("leaderboard", "compare", "gallery")
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_what_is_suggested_works_where_it_is(
    spatialbench: Command, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    outcome = SITUATIONS[name](spatialbench)
    lines = [
        line for line in suggested(f"{outcome.out}\n{outcome.err}") if as_it_stands(line)
        and " fetch " not in line
    ]  # fmt: skip
    assert lines, f"{outcome.out}\n{outcome.err}"
    for line in lines:
        again = spatialbench(*shlex.split(line)[1:])
        assert again.status == 0, f"{line}: {again.err}"


def test_what_status_says_leads_to_the_end(spatialbench: Command) -> None:
    """One command after the other, as it is told, until nothing is left to do."""
    spatialbench("generate", *RUN, "--limit", "2")
    typed_lines = []
    for _ in range(6):
        told = spatialbench("status", ONE)
        assert told.status == 0
        if "nothing is left to do" in told.out:
            break
        (line,) = suggested(told.out)
        typed_lines.append(line.split()[1])
        assert spatialbench(*shlex.split(line)[1:]).status == 0
    assert typed_lines == ["detect", "score"]


def test_a_run_that_was_moved_goes_on_where_it_lies(spatialbench: Command, tmp_path: Path) -> None:
    """The command in its manifest names the old place, or none."""
    for number, out in enumerate((("--out", "old"), ("--out=old",), ())):
        run = ("run", "--method", "painter", "--bench", "squares", "--limit", "3", *out)
        made = spatialbench(*run)
        assert made.status == 0
        found = Path("old") if out else next(Path("runs").glob("*/*/*"))
        moved = Path(f"new {number}")
        found.rename(moved)
        next(moved.glob("images/*/0.png")).unlink()
        told = json.loads(spatialbench("status", moved, "--format", "json").out)["next"]
        again = told.removeprefix("give again: ")
        assert spatialbench(*shlex.split(again)[1:]).status == 0, again
        assert not found.exists()
        state = json.loads(spatialbench("status", moved, "--format", "json").out)
        assert state["next"] == "nothing is left to do"


def test_status_lists_the_runs_of_a_folder(spatialbench: Command, tmp_path: Path) -> None:
    import json

    spatialbench("run", *RUN, "--limit", "2")
    spatialbench("generate", *RUN[:-1], "my runs/deep/two", "--limit", "2")
    table = spatialbench("status", "my runs")
    assert table.status == 0
    rows = [line for line in table.out.splitlines() if line.startswith("my runs/")]
    assert [row.split("  ")[0] for row in rows] == ["my runs/deep/two", "my runs/one"]
    assert "spatialbench detect" in rows[0]
    assert "nothing is left to do" in rows[1]
    (tmp_path / "my runs" / "one" / "manifest.json").write_text("{")
    document = json.loads(spatialbench("status", "my runs", "--format", "json").out)
    assert [run["run"] for run in document["runs"]] == ["my runs/deep/two", "my runs/one"]
    assert "manifest.json cannot be read" in document["runs"][1]["error"]
    (tmp_path / "empty").mkdir()
    assert "is not a run directory" in spatialbench("status", "empty").err


def test_a_larger_summary_is_kept(spatialbench: Command, tmp_path: Path) -> None:
    """Asking again for fewer images prints their table and changes nothing."""
    whole = spatialbench("run", *RUN, "--limit", "8")

    def files() -> dict[str, bytes]:
        names = ("summary.json", "scores.parquet", "manifest.json")
        return {name: (tmp_path / ONE / name).read_bytes() for name in names}

    before = files()
    for fewer in (("--limit", "2"), ("--limit", "2", "--only", "left"),
                  ("--limit", "8", "--images-per-prompt", "1"),
                  ("--limit", "3", "--only", "right,above,below")):  # fmt: skip
        part = spatialbench("run", *RUN, *fewer, "--signature")
        assert part.status == 0
        assert "of more images, is kept" in part.err
        assert " n:" in part.out
        assert " n:8x2 " not in part.out
        assert files() == before
    assert "nothing is left to do" in spatialbench("status", ONE).out
    assert spatialbench("compare", ONE, ONE).status in (0, 2)
    assert spatialbench("score", ONE).out.splitlines()[0] == whole.out.splitlines()[0]
    # More images are the run's own again.
    more = spatialbench("run", *RUN, "--limit", "12", "--signature")
    assert "is kept" not in more.err
    assert " n:12x2 " in more.out
    assert files() != before


OTHER = """
from spatialbench import plugins

class Other(type(plugins.load("detector", "colour-blobs").configure(None, "cpu", True))):
    def signature(self):
        return "other@1"
"""


def test_a_detector_that_looked_at_some_images_replaces_nothing(
    spatialbench: Command, tmp_path: Path
) -> None:
    """Its table and its verdicts are given, and what is offered does what it says."""
    (tmp_path / "other.py").write_text(OTHER)
    spatialbench("run", *RUN, "--limit", "4")
    look = ("detect", ONE, "--detector", "other.py:Other")
    assert spatialbench(*look).status == 0
    (records,) = (tmp_path / ONE).glob("detections/other*/detections.jsonl")
    records.write_text("".join(records.read_text().splitlines(keepends=True)[:3]))
    before = (tmp_path / ONE / "summary.json").read_bytes()
    words = ("score", ONE, "--detector", "other@1")
    part = spatialbench(*words, "--verdicts", "part.jsonl")
    assert part.status == 0, part.err
    assert (tmp_path / ONE / "summary.json").read_bytes() == before
    assert len((tmp_path / "part.jsonl").read_text().splitlines()) == 3
    assert "give the 'detect' command of other@1 again" in part.err
    (replace,) = (line for line in suggested(part.err) if line.endswith("--replace"))
    assert spatialbench(*shlex.split(replace)[1:]).status == 0
    assert json.loads((tmp_path / ONE / "summary.json").read_text())["images"] == 3
    assert spatialbench(*look).status == 0
    assert "is kept" not in spatialbench(*words).err
    assert json.loads((tmp_path / ONE / "summary.json").read_text())["images"] == 8
