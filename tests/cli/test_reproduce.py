"""``spatialbench reproduce``: rows made once, resumed, held to what is published, refused early."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from spatialbench.cli.reproduce import command as reproduce_command
from spatialbench.cli.run import command as run_command
from spatialbench.recipes.format import Row
from tests.processes import kill_after
from tests.stages.fakes import snapshot

from .conftest import Command
from .json_schemas import fits

RECIPE: dict[str, Any] = {
    "format": 1,
    "title": "Squares by skill",
    "source": "a paper, table 1",
    "benchmark": "squares",
    "differs": ["another brush"],
    "rows": [
        {"name": "half", "method": "painter", "set": {"skill": 0.5}, "published": {"RIGHT": 50}},
        {
            "name": "skill {skill}",
            "method": "painter",
            "backbone": "paint",
            "set": {"skill": [0.75, 1]},
            "published": [{"at": {"skill": 1}, "values": {"RIGHT": 60.0, "FOUND": 100}}],
        },
        {
            "name": "seeds",
            "method": "painter",
            "seeds": ["hashed:1", "hashed:2"],
            "published": {"RIGHT": {"value": 75, "plus_minus": 2}},
        },
        {"name": "never", "cannot": "its weights were never released", "published": {"RIGHT": 80}},
    ],
    "claims": [
        {"row": "skill 1", "beats": ["half", "never"], "metric": "RIGHT"},
        {"row": "half", "beats": ["skill 1"], "metric": "RIGHT"},
    ],
}


@pytest.fixture(autouse=True)
def recipe(tmp_path: Path) -> Path:
    return written(tmp_path)


def written(folder: Path, *place: Any, **changes: Any) -> Path:
    document = json.loads(json.dumps(RECIPE))
    node = document
    for part in place:
        node = node[part]
    node.update(changes)
    path = folder / "squares.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path


def told(command: Command, *arguments: object) -> Any:
    outcome = command("reproduce", "squares.yaml", *arguments, "--format", "json")
    assert outcome.status == 0, outcome.err
    return fits("reproduce", json.loads(outcome.out))


def content(folder: Path) -> dict[str, bytes]:
    """All files but those that tell of the command and the machine."""
    of_the_machine = ("manifest.json", "timing.jsonl", ".lock")
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in of_the_machine
    }


def test_the_table_the_claims_and_the_protocol(spatialbench: Command) -> None:
    outcome = spatialbench("reproduce", "squares.yaml")
    assert outcome.status == 0, outcome.err
    for said in (
        "squares: Squares by skill",
        "cannot [1]",
        "[1] its weights were never released",
        "skill 1 > half",
        "another brush",
        "1 holds, 1 contradicted, 0 cannot tell, 1 not tested",
    ):
        assert said in outcome.out
    document = told(spatialbench)
    rows = {row["name"]: row for row in document["rows"]}
    assert list(rows) == ["half", "skill 0.75", "skill 1", "seeds", "never"]
    assert rows["skill 1"]["metrics"]["RIGHT"]["measured"] == 100
    assert rows["skill 1"]["metrics"]["RIGHT"]["verdict"] in ("differs", "cannot tell")
    assert rows["skill 0.75"]["metrics"]["RIGHT"]["published"] is None
    seeds = rows["seeds"]["metrics"]["RIGHT"]
    first, second = seeds["each"]
    assert seeds["measured"] == pytest.approx((first + second) / 2)
    assert seeds["spread"] == pytest.approx(abs(first - second) / 2**0.5)
    assert [run["seeds"] for run in rows["seeds"]["runs"]] == ["hashed:1", "hashed:2"]
    assert (rows["never"]["cannot"], rows["never"]["runs"]) == (RECIPE["rows"][3]["cannot"], [])
    assert [claim["verdict"] for claim in document["claims"]] == ["holds", None, "contradicted"]
    for form in ("md", "csv", "latex", "html"):
        assert spatialbench("reproduce", "squares.yaml", "--format", form).status == 0


def test_claims_of_rows_with_several_seeds_are_of_the_runs_with_the_same_seeds(
    spatialbench: Command, tmp_path: Path
) -> None:
    def row(name: str, skill: float, *seeds: str) -> dict[str, Any]:
        return {"name": name, "method": "painter", "set": {"skill": skill}, "seeds": list(seeds)}

    rows = [
        row("good", 1, "hashed:1", "hashed:2"),
        row("poor", 0.5, "hashed:2", "hashed:1"),
        row("once", 0.5, "hashed:2"),
        row("good once", 1, "hashed:1"),
        row("apart", 0.5, "hashed:3"),
    ]
    beats = ["poor", "once", "good once", "apart"]
    written(tmp_path, rows=rows, claims=[{"row": "good", "beats": beats, "metric": "RIGHT"}])
    document = told(spatialbench)
    each = {row["name"]: row["metrics"]["RIGHT"]["each"] for row in document["rows"]}
    both, one, same, apart = document["claims"]
    assert (both["measured"], both["why"]) == (pytest.approx(100 - sum(each["poor"]) / 2), None)
    assert one["measured"] == pytest.approx(100 - each["once"][0])
    assert one["why"] == "of the runs of good (2) and once (1) 1 could be paired"
    assert same["measured"] == 0
    assert both["images"] == 2 * one["images"] == 2 * apart["images"]
    assert apart["why"].startswith("paired by prompt: the seeds differ; of the runs")


def test_a_recipe_of_ones_own_has_a_line_per_row(spatialbench: Command, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"name": f"skill {skill}", "method": "painter", "set": {"skill": skill}}
        for skill in (0.5, 1)
    ]
    written(tmp_path, rows=[*rows, {"name": "never", "cannot": "no weights"}], claims=[])
    outcome = spatialbench("reproduce", "squares.yaml")
    assert outcome.status == 0, outcome.err
    lines = [line.split() for line in outcome.out.splitlines()]
    assert next(line[:3] for line in lines if line[:1] == ["row"]) == ["row", "images", "FOUND"]
    (best,) = [line for line in lines if line[:2] == ["skill", "1"]]
    assert best[3].startswith("100.00")
    assert ["never", "cannot", "[1]"] in [line[:3] for line in lines]
    assert "published" not in outcome.out.replace("no value is published", "")


def test_a_finished_row_is_not_made_again_and_run_makes_the_same(
    spatialbench: Command, tmp_path: Path
) -> None:
    run = ("run", "--method", "painter", "--bench", "squares", "--set", "skill=1")
    assert spatialbench(*run).status == 0
    (before,) = (tmp_path / "runs" / "squares").glob("*/*")
    made = {path: path.stat().st_mtime_ns for path in before.rglob("*.png")}
    document = told(spatialbench, "--rows", "skill*")
    (row,) = [row for row in document["rows"] if row["name"] == "skill 1"]
    assert Path(row["runs"][0]["folder"]) == before.relative_to(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in before.rglob("*.png")} == made
    assert document["left_out"] == ["half", "seeds", "never"]
    assert document["claims"] == []
    other = told(spatialbench, "--rows", "skill*", "--out", "elsewhere")
    folder = Path(other["rows"][1]["runs"][0]["folder"])
    assert folder == Path("elsewhere", *before.relative_to(tmp_path / "runs").parts)


def test_a_part_of_a_larger_run_is_measured_as_that_part(spatialbench: Command) -> None:
    document = told(spatialbench, "--rows", "!s*", "--rows", "!never")
    whole = document["rows"][0]
    small = told(spatialbench, "--rows", "half", "--limit", 12, "--images-per-prompt", 1)
    (row,) = small["rows"]
    assert (row["prompts"], row["runs"][0]["images"]) == (12, 12)
    assert row["differs"] == ["12 of 48 prompts", "1 image per prompt instead of 2"]
    assert row["metrics"]["RIGHT"]["measured"] != whole["metrics"]["RIGHT"]["measured"]
    again = told(spatialbench, "--rows", "half")
    assert again == document
    text = spatialbench("reproduce", "squares.yaml", "--rows", "half").out
    assert "every claim (3) is about a row that was not asked for" in text
    assert "which row beats which" not in text


def test_shards_then_the_table(spatialbench: Command, tmp_path: Path) -> None:
    for part in ("1/2", "2/2"):
        outcome = spatialbench("reproduce", "squares.yaml", "--shard", part)
        assert outcome.status == 0, outcome.err
        assert len(outcome.out.splitlines()) == 5
    images = {p: p.stat().st_mtime_ns for p in (tmp_path / "runs").rglob("*.png")}
    assert len(images) == 5 * 96
    told(spatialbench)
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "runs").rglob("*.png")} == images


def test_another_model_tests_the_claims_and_not_the_values(
    spatialbench: Command, tmp_path: Path
) -> None:
    row = {"name": "fixed", "method": "spright", "backbone": "sd2.1", "published": {"RIGHT": 90}}
    written(tmp_path, rows=[*RECIPE["rows"], row])
    document = told(spatialbench, "--backbone", "lab")
    rows = {row["name"]: row for row in document["rows"]}
    assert {cell["verdict"] for row in rows.values() for cell in row["metrics"].values()} == {None}
    assert rows["skill 1"]["differs"][0] == "made with lab instead of paint"
    assert "spright" in rows["fixed"]["cannot"]
    assert [claim["verdict"] for claim in document["claims"]] == ["holds", None, "contradicted"]
    outcome = spatialbench("reproduce", "squares.yaml", "--backbone", "lab")
    assert "other model: made with lab, whose values say nothing about the paper's" in outcome.out
    refused = spatialbench("reproduce", "squares.yaml", "--backbone", "lab", "--rows", "fixed")
    assert refused.status == 2
    assert "none of the 1 rows can be made with lab" in refused.err


@pytest.mark.parametrize(
    ("place", "changes", "said"),
    [
        (("rows", 1), {"method": "paintr"}, "row 'skill 1': unknown method 'paintr': did you mean"),
        (("rows", 3), {"cannot": None, "method": "sd", "set": {"skil": 1}}, "row 'never'"),
        (("rows", 1), {"set": {"skill": [1, 7]}}, "row 'skill 7': skill=7"),
        (("rows", 1), {"set": {"skill": []}}, "a sweep of nothing"),
        (
            ("rows", 1),
            {"name": "half", "set": {}, "published": {"RIGHT": 1}},
            "two rows are called 'half'",
        ),
        ((), {"benchmark": "sqares"}, "unknown benchmark 'sqares': did you mean squares"),
        (("rows", 2), {"seeds": ["hashed:x"]}, "row 'seeds': unknown seed scheme"),
        (("rows", 2), {"only": ["lft"]}, "row 'seeds': unknown task or relation in --only 'lft'"),
        (("rows", 2), {"only_file": "none.json"}, "row 'seeds': "),
        (("rows", 2), {"rule": "centr"}, "row 'seeds': unknown rule"),
        (("rows", 2), {"detector": "colour-blob"}, "unknown detector 'colour-blob'"),
        (("rows", 2), {"published": {"RIHGT": 1}}, "unknown metric 'RIHGT'"),
        (("rows", 2), {"record": ["guidance"]}, "this method has nothing to record"),
        ((), {"rows": []}, "a recipe of no row"),
    ],
)
def test_everything_is_checked_before_the_first_image(
    spatialbench: Command, tmp_path: Path, place: Any, changes: Any, said: str
) -> None:
    written(tmp_path, *place, **changes)
    outcome = spatialbench("reproduce", "squares.yaml")
    assert (outcome.status, outcome.out) == (2, "")
    assert said in outcome.err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"backbone": "lba"}, "row 'seeds': unknown backbone 'lba': did you mean lab"),
        ({"scheduler": "ddmi"}, "row 'seeds': unknown scheduler 'ddmi': did you mean"),
        ({"rule": "centr"}, "row 'seeds': unknown rule"),
        ({"detector": "colour-blob"}, "unknown detector 'colour-blob'"),
        ({"prompt_transform": "tor"}, "unknown prompt transform 'tor': did you mean tore"),
        ({"record": "guidanc"}, "--record guidanc: this method has nothing to record"),
        ({"seeds": "hashed:x"}, "row 'seeds': unknown seed scheme"),
        ({"only": ["lft"]}, "unknown task or relation in --only 'lft'"),
        ({"set": {"loss": "gellu"}, "method": "infsplign"}, "unknown loss of infsplign 'gellu'"),
        ({"set": {"alpha": "many"}, "method": "infsplign"}, "takes a number for alpha"),
    ],
)
def test_a_plan_refuses_what_no_machine_makes(
    spatialbench: Command, tmp_path: Path, changes: Any, said: str
) -> None:
    """With the exit status of the command without ``--dry-run``, and before an image of a row."""
    sd = {"method": "sd", "backbone": "lab"}
    written(tmp_path, "rows", 2, **{**sd, **changes})
    for more in (("--dry-run",), ()):
        outcome = spatialbench("reproduce", "squares.yaml", *more)
        assert (outcome.status, outcome.out) == (2, ""), more
        assert said in outcome.err, more
    assert not (tmp_path / "runs").exists()


def test_a_plan_lists_what_this_machine_lacks(
    spatialbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPATIALBENCH_OFFLINE", "1")
    monkeypatch.setenv("SPATIALBENCH_CACHE", str(tmp_path / "cache"))
    rows: list[dict[str, Any]] = [
        {"name": "moved", "method": "sd", "backbone": "org/model"},
        {"name": "lora", "method": "lora", "backbone": "lab", "set": {"lora": "none.safetensors"}},
    ]
    written(tmp_path, rows=rows, claims=[])
    outcome = spatialbench("reproduce", "squares.yaml", "--dry-run")
    assert outcome.status == 0, outcome.err
    assert "org/model is not in the local cache" in outcome.out
    assert "there is no LoRA" in outcome.out
    (together,) = [line for line in outcome.out.splitlines() if line.startswith("together")]
    assert together.split() == ["together", *"––––"]
    document = json.loads(
        spatialbench("reproduce", "squares.yaml", "--dry-run", "--format", "json").out
    )
    assert fits("reproduce-plan", document)["price"] is None


def test_how_images_are_made_is_asked_as_of_run(spatialbench: Command, tmp_path: Path) -> None:
    """Whatever the recipe does not say of a row, 'run' and 'reproduce' take alike."""
    verbs = {"run": run_command, "reproduce": reproduce_command}
    options = {verb: {str(option.name) for option in one.params} for verb, one in verbs.items()}
    of_a_row = {*Row.model_fields, "assignments", "bench", "seed_scheme"}
    # It measures a row as far as the recipe goes, prints no row of its own, and plans from numbers.
    reasons = {"until", "groups", "signature", "calibrate"}
    assert options["run"] - options["reproduce"] - of_a_row <= reasons
    assert spatialbench("reproduce", "squares.yaml", "--out", "plain").status == 0
    outcome = spatialbench("reproduce", "squares.yaml", "--out", "packed", "--pack", "--overlap")
    assert outcome.status == 0, outcome.err
    assert not list(Path("packed").rglob("*.png"))
    runs = [path.parent.relative_to("plain") for path in Path("plain").rglob("summary.json")]
    assert len(runs) == 5
    for run in runs:
        assert snapshot(Path("packed", run)) == snapshot(Path("plain", run))
    refused = spatialbench("reproduce", "squares.yaml", "--out", "fast", "--compile")
    assert refused.status == 2
    assert "--compile: this method does not load a model" in refused.err
    assert not Path("fast").exists()


def test_a_row_that_fails_says_which_it_is(
    spatialbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from coloured_squares.painter import Painter

    whole = spatialbench("reproduce", "squares.yaml", "--rows", "skill*")
    assert whole.status == 0, whole.err
    shutil.rmtree(tmp_path / "runs")
    real = Painter.generate

    def choosy(self: Painter, requests: Any) -> Any:
        if self.skill == 1 and any(request.prompt.id in failing for request in requests):
            raise ValueError("not this one")
        return real(self, requests)

    with monkeypatch.context() as patch:
        patch.setattr(Painter, "generate", choosy)
        failing = {str(number) for number in range(48)}
        with pytest.raises(ValueError, match="not this one") as raised:
            spatialbench("reproduce", "squares.yaml", "--rows", "skill*")
        (said,) = [note for note in raised.value.__notes__ if "row" in note]
        assert "row 'skill 1' of " in said
        assert said.endswith("without this row with --rows '!skill 1'")
        failing = {"0"}
        some = spatialbench("reproduce", "squares.yaml", "--rows", "skill*")
    assert some.status == 2
    assert "error: row 'skill 1': generate gave up 8 image(s)" in some.err
    again = spatialbench("reproduce", "squares.yaml", "--rows", "skill*")
    assert (again.status, again.out) == (0, whole.out)


HOSTILE = "=cmd()|\x1b[31m\u202e<script>x</script> \\input{x}_%$& [a](b) `c` \n| d\r"
NAMES = ("=1+1", "@x", "\\input{{x}}_%$&", "<script>x</script>", "a|b [c](d) `e`", "-x", "!not")


def test_texts_of_a_recipe_obey_nothing_in_any_form(spatialbench: Command, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"name": name, "method": "painter", "limit": 2, "note": HOSTILE, "published": {"RIGHT": 9}}
        for name in NAMES
    ]
    rows += [{"name": "never", "cannot": HOSTILE, "differs": HOSTILE}]
    texts = dict.fromkeys(("title", "source", "about", "differs"), HOSTILE)
    written(tmp_path, rows=rows, claims=[{"row": NAMES[0], "beats": NAMES[1]}], **texts)
    for more in ((), ("--dry-run",)):
        for form in ("table", "md", "csv", "html", "latex", "json"):
            outcome = spatialbench("reproduce", "squares.yaml", *more, "--format", form)
            assert outcome.status == 0, outcome.err
            for sign in ("\x1b", "\u202e") if form != "json" else ("\x1b",):
                assert sign not in outcome.out + outcome.err, (more, form)
            assert "<script>" not in outcome.out or form not in ("md", "html")
            assert "\\input{" not in outcome.out or form != "latex"
            if form == "csv":
                cells = [cell for row in csv.reader(io.StringIO(outcome.out)) for cell in row]
                assert not any(cell.startswith(("=", "@")) for cell in cells)
    for name in NAMES:
        told = name.replace("{{", "{").replace("}}", "}")
        plan = spatialbench(
            "reproduce", "squares.yaml", "--dry-run", f"--rows={told}", "--format", "json"
        )
        assert [row["name"] for row in json.loads(plan.out)["rows"]] == [told]


def test_what_cannot_be_asked(spatialbench: Command) -> None:
    for arguments, said in (
        (("squares.yaml", "--rows", "skil 1"), "unknown row 'skil 1': did you mean skill 1"),
        (("squares.yaml", "--rows", "!skil"), "unknown row 'skil'"),
        (("squares.yaml", "--dry-run", "--margin", "nan"), "nan is not a number"),
        (("squares.yaml", "--rows", "half", "--rows", "!h*"), "--rows leaves no row"),
        ((), "there is no recipe given"),
        (("--list", "squares.yaml"), "leave the recipe out"),
        (("squares.yaml", "--price-per-hour", "2"), "add --dry-run"),
        (("squares.yml",), "there is no recipe file squares.yml"),
        (("paper/table-1",), "unknown recipe 'paper/table-1'"),
        (("squares.yaml", "--shard", "3/2"), "3/2"),
    ):
        outcome = spatialbench("reproduce", *arguments)
        assert (outcome.status, outcome.out) == (2, ""), arguments
        assert said in outcome.err


def test_the_plan_writes_nothing_and_names_the_commands(
    spatialbench: Command, tmp_path: Path
) -> None:
    outcome = spatialbench("reproduce", "squares.yaml", "--dry-run", "--price-per-hour", 2)
    assert outcome.status == 0, outcome.err
    assert "together" in outcome.out
    assert "cannot [1]" in outcome.out
    assert max(map(len, outcome.out.splitlines())) <= 80
    plan = spatialbench("reproduce", "squares.yaml", "--dry-run", "--format", "json")
    document = fits("reproduce-plan", json.loads(plan.out))
    assert document["images"] == 5 * 96
    assert not (tmp_path / "runs").exists()
    commands = [run["command"] for row in document["rows"] for run in row["runs"]]
    folders = [run["folder"] for row in document["rows"] for run in row["runs"]]
    assert "--seed-scheme hashed:1" in commands[3]
    import shlex

    for command, folder in zip(commands[1:2], folders[1:2], strict=True):
        assert spatialbench(*shlex.split(command)[1:]).status == 0
        assert (tmp_path / folder / "summary.json").is_file()
    # Now the hours of one row are by its own pace, and those of the others are not.
    plan = spatialbench("reproduce", "squares.yaml", "--dry-run", "--format", "csv")
    lines = list(csv.DictReader(io.StringIO(plan.out)))
    assert [line["row"] for line in lines] == ["half", "skill 0.75", "skill 1", "seeds", "never"]
    assert [line["images"] for line in lines] == ["96", "96", "96", "192", ""]
    assert float(lines[1]["hours"]) > 0 == len(lines[0]["hours"])
    assert lines[1]["hours_from"].startswith("from 96 images")
    assert lines[4]["cannot"] == RECIPE["rows"][3]["cannot"]
    text = spatialbench("reproduce", "squares.yaml", "--dry-run").out
    (own,) = re.findall(r"\[(\d)\] hours: from 96 images of this run", text)
    (other,) = re.findall(r"\[(\d)\] hours: not known before images are there", text)
    marked = [line for line in text.splitlines() if line.endswith("ready")]
    assert [f" 0.000 [{own}] " in line for line in marked] == [False, True, False, False]
    assert [f" – [{other}] " in line for line in marked] == [True, False, True, True]


def test_the_list(spatialbench: Command) -> None:
    from spatialbench.recipes.loading import shipped

    outcome = spatialbench("reproduce", "--list", "--format", "json")
    found = fits("reproduce-list", json.loads(outcome.out))["recipes"]
    assert [one["id"] for one in found] == shipped()
    assert all(one["rows"] for one in found)


def _scored(run: Path) -> bool:
    return (run / "summary.json").exists()


def test_a_run_that_is_moved_away_while_it_is_made(
    spatialbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = spatialbench("reproduce", "squares.yaml", "--out", "whole")
    assert whole.status == 0, whole.err
    from coloured_squares.painter import Painter

    generate = Painter.generate

    def moved(painter: Any, requests: Any) -> Any:
        if painter.skill == 1 and not (tmp_path / "elsewhere").exists():
            (own,) = (path for path in (tmp_path / "out").glob("*/*/*") if not _scored(path))
            own.rename(tmp_path / "elsewhere")
        return generate(painter, requests)

    monkeypatch.setattr(Painter, "generate", moved)
    outcome = spatialbench("reproduce", "squares.yaml", "--out", "out")
    assert outcome.status == 2
    assert "row 'skill 1': out/squares" in outcome.err
    assert "was removed or moved away while" in outcome.err or "no run directory" in outcome.err
    assert spatialbench("reproduce", "squares.yaml", "--out", "out").out == whole.out


def test_after_sigkill_the_same_command_goes_on(
    spatialbench: Command, tmp_path: Path, plugin_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed within a row, it ends with the bytes of a table that nothing happened to."""
    written(tmp_path, rows=RECIPE["rows"][:2], claims=[])
    command = ("reproduce", "squares.yaml", "--batch-size", "4", "--out")
    monkeypatch.setenv("PYTHONPATH", str(plugin_folder))
    # Within a batch of the second of three rows.
    kill_after(110, "/images.", [*command, "killed"], tmp_path)
    there = len(list((tmp_path / "killed").rglob("*.png")))
    assert 110 <= there < 2 * 96
    assert spatialbench(*command, "killed").status == 0
    whole = spatialbench(*command, "whole")
    assert whole.status == 0, whole.err
    assert content(tmp_path / "killed") == content(tmp_path / "whole")
    assert spatialbench(*command, "killed").out == whole.out
