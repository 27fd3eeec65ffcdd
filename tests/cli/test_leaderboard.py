"""``leaderboard`` over real runs and over a benchmark's published rows."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from spatialbench import plugins

from .conftest import Command

RUN = ("run", "--method", "painter", "--bench", "squares", "--limit", "8")


def test_runs_beside_published_rows(spatialbench: Command) -> None:
    for skill in ("0.2", "0.9"):
        spatialbench(*RUN, "--set", f"skill={skill}")
    document = json.loads(spatialbench("leaderboard", "runs/squares", "--format", "json").out)
    assert len(document["rows"]) == 2
    assert [row["method"] for row in document["published"]] == ["a coin"]
    table = spatialbench("leaderboard", "runs").out
    assert table.count("painter ") >= 2
    assert "a coin" in table
    signed = spatialbench("leaderboard", "runs", "--signature").out
    for row in document["rows"]:
        assert row["signature"] in signed
        assert row["signature"] not in table
    # Both of 8 prompts, beside published rows of all 48.
    for skill in ("0.2", "0.9"):
        assert table.count(f"painter (skill={skill}) [1]") == 1
    assert "[1] other conditions: prompts 8 (others 48)" in table
    assert "[1]" not in spatialbench("leaderboard", "runs", "--no-published").out


def test_whole_runs_compete_with_published_rows(spatialbench: Command) -> None:
    """A coin is right in 50 % of the images; both are measured over every prompt."""
    spatialbench(*RUN[:-2], "--set", "skill=0.9", "--out", "here")
    table = spatialbench("leaderboard", "here").out
    assert "[1]" not in table
    assert table.count(" *") == 3  # FOUND, a tie at 100, and RIGHT.


def test_published_rows_can_be_left_out(spatialbench: Command) -> None:
    spatialbench(*RUN, "--out", "here")
    outcome = spatialbench("leaderboard", "here", "--no-published")
    assert "a coin" not in outcome.out
    document = json.loads(
        spatialbench("leaderboard", "here", "--no-published", "--format", "json").out
    )
    assert document["published"] == []


def test_another_threshold_is_marked(spatialbench: Command) -> None:
    spatialbench(*RUN[:-2], "--out", "here", "--threshold", "0.7")
    table = spatialbench("leaderboard", "here").out
    assert "painter [1]" in table
    assert "[1] other conditions: threshold 0.7 (others 0.5)" in table


def test_images_seeds_and_rewriting_are_conditions(spatialbench: Command) -> None:
    """None of these runs stands unmarked beside the published row, or beside another."""
    for number, option in enumerate(
        (
            ("--images-per-prompt", "1"),
            ("--seed-scheme", "hashed:3"),
            ("--only", "left,right"),
            ("--prompt-transform", "tore"),
        )
    ):
        outcome = spatialbench(*RUN[:-2], "--out", str(number), *option)
        assert outcome.status == 0
    rows = spatialbench("leaderboard", "0", "1", "2", "3", "--format", "json").out
    assert [row["other_conditions"] for row in json.loads(rows)["rows"]] == [
        "images per prompt 1 (others 2)",
        "seeds hashed:3 (others protocol)",
        "only left,right (others everything); prompts 24 (others 48)",
        "prompt rewriting tore/2 (others none)",
    ]


def test_a_prompt_set_has_a_table_of_its_own(spatialbench: Command) -> None:
    spatialbench(*RUN, "--out", "here")
    spatialbench("run", "--method", "painter", "--bench", "squares:sideways", "--out", "there")
    table = spatialbench("leaderboard", "here", "there").out
    assert "squares:sideways: full-size models" in table
    assert "squares: full-size models" in table


def test_a_benchmark_alone_shows_what_is_published(spatialbench: Command) -> None:
    document = json.loads(spatialbench("leaderboard", "--bench", "visor", "--format", "json").out)
    published = plugins.load("benchmark", "visor").published()
    assert document["rows"] == []
    assert len(document["published"]) == len(published) > 5
    assert spatialbench("leaderboard", "--bench", "visor").status == 0


def test_the_price_stands_beside_accuracy(spatialbench: Command) -> None:
    ran = spatialbench(*RUN, "--out", "here").out
    assert "price: " in ran
    (row,) = json.loads(spatialbench("leaderboard", "here", "--format", "json").out)["rows"]
    assert row["seconds_per_image"] > 0
    assert row["batch_size"] == 8
    # This benchmark's rule counts no boxes, so nothing is said about them.
    assert "duplicates" not in row
    assert "s/image" not in spatialbench("leaderboard", "here").out
    table = spatialbench("leaderboard", "here", "--price").out
    assert "s/image" in table
    assert row["device"] in table
    state = json.loads(spatialbench("status", "here", "--format", "json").out)
    assert state["seconds_per_image"] == row["seconds_per_image"]
    assert f"({row['device']}, batch 8)" in spatialbench("status", "here").out


def test_figures_of_ones_own(spatialbench: Command) -> None:
    row = {
        "method": "Ours",
        "base": "b",
        "metrics": {"RIGHT": 99.0},
        "source": "s",
        "evidence": "P",
    }
    Path("figures.json").write_text(json.dumps([row]))
    arguments = ("leaderboard", "--bench", "squares", "--figures", "figures.json")
    document = json.loads(spatialbench(*arguments, "--format", "json").out)
    assert [row["method"] for row in document["published"]] == ["a coin", "Ours"]
    assert r"\textbf{99.00}" in spatialbench(*arguments, "--format", "latex").out
    assert "<b>99.00</b>" in spatialbench(*arguments, "--format", "html").out
    Path("figures.json").write_text("[{}]")
    assert spatialbench(*arguments).status == 2


def test_a_summary_that_contradicts_itself_is_refused(spatialbench: Command) -> None:
    records = {f"0_{k}": {"classes": ["person", "bicycle"], "sra": k % 2} for k in range(4)}
    Path("results.json").write_text(json.dumps(records))
    imported = ("import", "results.json", "--layout", "results", "--bench", "visor")
    spatialbench(*imported, "--name", "x", "--only", "0", "--out", "run")
    assert spatialbench("leaderboard", "run", "--no-published").status == 0
    summary = json.loads(Path("run/summary.json").read_text())
    changed = {**summary, "metrics": {**summary["metrics"], "VISOR_uncond": 51.0}}
    Path("run/summary.json").write_text(json.dumps(changed))
    outcome = spatialbench("leaderboard", "run", "--no-published")
    assert outcome.status == 2
    assert "it was changed after it was written" in outcome.err
    # A summary of an earlier version has no hash to tell by.
    del changed["summary_sha256"]
    Path("run/summary.json").write_text(json.dumps(changed))
    outcome = spatialbench("leaderboard", "run", "--no-published")
    assert outcome.status == 2
    assert "OA x VISOR_cond gives 50.00, not 51" in outcome.err


def test_a_copied_run_is_one_row_and_another_threshold_a_second(spatialbench: Command) -> None:
    spatialbench(*RUN, "--out", "runs/a")
    shutil.copytree("runs/a", "runs/b")
    shutil.copytree("runs/a", "runs/c")
    spatialbench("score", "runs/c", "--threshold", "0.7")
    outcome = spatialbench("leaderboard", "runs", "--format", "json")
    assert [row["run"] for row in json.loads(outcome.out)["rows"]] == ["runs/a", "runs/c"]
    assert "not in the table: runs/b is a copy of runs/a" in outcome.err


def test_runs_without_scores_are_named(spatialbench: Command) -> None:
    spatialbench(*RUN, "--out", "runs/a")
    spatialbench("generate", *RUN[1:], "--out", "runs/b")
    outcome = spatialbench("leaderboard", "runs")
    assert outcome.status == 0
    assert "not in the table: runs/b is not scored; 'spatialbench status runs/b'" in outcome.err
    assert spatialbench("status", "runs/b").status == 0
    named = spatialbench("leaderboard", "runs/a", "runs/b", "--format", "json")
    document = json.loads(named.out)
    assert [row["run"] for row in document["rows"]] == ["runs/a"]
    assert document["not_in_table"] == [
        {
            "run": "runs/b",
            "reason": "it is not scored; 'spatialbench status runs/b' says what to type",
        }
    ]
    alone = spatialbench("leaderboard", "runs/b")
    assert alone.status == 2
    assert alone.err.count("runs/b") == 2  # One sentence: what it is, and what to type.
    assert "runs/b holds no scored run" in alone.err
    Path("empty").mkdir()
    assert "holds no scored run" in spatialbench("leaderboard", "empty").err


def test_a_summary_of_0_1_has_no_zero_for_what_is_undefined(spatialbench: Command) -> None:
    """As 0.1 wrote it: no reasons, no seal, and ``VISOR_2`` of one image per prompt is 0."""
    visor = ("--bench", "visor", "--limit", "2", "--steps", "1", "--images-per-prompt", "1")
    made = spatialbench("run", "--method", "sd", *visor, "--out", "run", "--threshold", "0")
    assert made.status == 0, made.err
    path = Path("run/summary.json")
    summary = json.loads(path.read_text())
    for group in (summary, *summary["groups"].values()):
        del group["reasons"]
        for key in ("VISOR_2", "VISOR_3", "VISOR_4"):
            group["metrics"][key], group["intervals"][key] = 0.0, [0.0, 65.8]
        group |= group.pop("metrics") | group.pop("price")
    del summary["summary_sha256"], summary["format"]
    path.write_text(json.dumps(summary))
    before = path.read_bytes()
    arguments = ("leaderboard", "run", "--no-published")
    row = json.loads(spatialbench(*arguments, "--format", "json").out)["rows"][0]
    assert [row[f"VISOR_{n}"] for n in (1, 2, 3, 4)] == [summary["VISOR_1"], None, None, None]
    assert row["intervals"]["VISOR_2"] == [None, None]
    assert row["groups"]["above"]["VISOR_2"] is None
    assert "undefined: it needs 2 images per prompt" in spatialbench(*arguments).out
    assert path.read_bytes() == before
    Path("run/scores.parquet").unlink()
    assert "a 0 can be undefined" in spatialbench(*arguments).err


def test_what_needs_more_images_than_there_are_is_a_dash_with_its_reason(
    spatialbench: Command,
) -> None:
    """Official results with two images per prompt, all of them right."""
    records = {
        f"{prompt}_{k}": {"classes": text, "sra": 1}
        for prompt, text in (("0", ["person", "bicycle"]), ("8", ["person", "car"]))
        for k in range(2)
    }
    Path("results.json").write_text(json.dumps(records))
    arguments = ("score", "--bench", "visor", "--detections", "results.json")
    document = json.loads(spatialbench(*arguments, "--format", "json").out)
    assert document["metrics"]["VISOR_2"] == 100
    assert document["metrics"]["VISOR_3"] is document["metrics"]["VISOR_4"] is None
    assert document["intervals"]["VISOR_3"] == [None, None]
    reason = "undefined: it needs 3 images per prompt, and no prompt has more than 2"
    assert document["reasons"]["VISOR_3"] == reason
    table = spatialbench(*arguments).out
    (letter,) = re.findall(rf"^\[(\w)\] {reason}$", table, re.MULTILINE)
    assert f"– [{letter}]" in table

    told = ("import", "again.json", "--layout", "results", "--bench", "visor", "--only", "0,1")
    for name, right in (("one", 1), ("two", 0)):
        records = {
            f"{prompt}_{k}": {"classes": ["person", "bicycle"], "sra": right * k}
            for prompt in (0, 1)
            for k in range(2)
        }
        Path("again.json").write_text(json.dumps(records))
        made = spatialbench(*told, "--images-per-prompt", "2", "--name", name, "--out", name)
        assert made.status == 0, made.err
    why = reason.removeprefix("undefined: ")
    assert f"VISOR_3 of A and B ({why})" in spatialbench("compare", "one", "two").out
    assert f"VISOR_3 ({reason}); VISOR_4" in spatialbench("power", "one").out
    spatialbench("gate", "one", "--write", "gate.json")
    gate = json.loads(Path("gate.json").read_text())
    assert "VISOR_3" not in gate["metrics"]
    gate["metrics"]["VISOR_3"] = gate["metrics"]["VISOR_2"]
    Path("gate.json").write_text(json.dumps(gate))
    held = spatialbench("gate", "one", "--against", "gate.json")
    assert held.status == 2
    assert f"undefined for this run: {why}" in held.out


def test_rows_columns_order_and_digits_are_chosen_for_every_form(spatialbench: Command) -> None:
    for skill in ("0.2", "0.9", "0.5"):
        spatialbench(*RUN, "--set", f"skill={skill}", "--name", f"s{skill} & 100%_<b>")
    ranked = ("leaderboard", "runs", "--sort", "RIGHT", "--columns", "RIGHT", "--published", "none")
    everything = (*ranked[:4], "--published", "none", "--format", "json")
    rows = json.loads(spatialbench(*everything).out)["rows"]
    values = [row["RIGHT"] for row in rows]
    assert values == sorted(values, reverse=True)
    turned = ("leaderboard", "runs", "--sort=-RIGHT", "--no-published", "--format", "json")
    assert [row["RIGHT"] for row in json.loads(spatialbench(*turned).out)["rows"]] == values[::-1]
    head, *lines = spatialbench(*ranked, "--format", "csv").out.splitlines()
    kept = ["partial", "other_conditions", "source", "marks"]
    shown = ["world", "name", "method", "RIGHT", "RIGHT_low", "RIGHT_high", *kept]
    assert head.split(",") == shown
    images = spatialbench(*ranked[:4], "--columns", "images,base", "--format", "csv").out
    asked = ["images", "images_expected", "base"]
    assert images.splitlines()[0].split(",") == [*shown[:3], *asked, *kept]
    assert [line.split(",")[1].split(" ")[0] for line in lines] == [
        row["name"].split(" ")[0] for row in rows
    ]
    one = (*ranked, "--rows", "s0.9*", "--digits", "0", "--no-intervals", "--caption", "A & B_1")
    for form, title in (("table", "A & B_1"), ("md", "A &amp; B_1"), ("html", "A &amp; B_1")):
        text = spatialbench(*one, "--format", form).out
        assert title in text
        assert f"{rows[0]['RIGHT']:.0f}" in text
        assert "±" not in text.replace("± or", "")
        assert "s0.2" not in text
        assert "FOUND" not in text
        assert "a coin" not in text
    by_relation = spatialbench(*ranked, "--by", "relation").out
    assert re.search(r"^s0.9 .*  left  +\d", by_relation, re.MULTILINE)
    assert "left" not in spatialbench(*ranked).out
    latex = spatialbench(*one, "--format", "latex", "--latex-label", "tab:mine").out
    assert r"\caption{A \& B\_1}" in latex
    assert r"\label{tab:mine}" in latex
    assert r"s0.9 \& 100\%\_\textless{}b\textgreater{}" in latex
    assert spatialbench("leaderboard", "runs", "--rows", "nothing").status == 2
    assert spatialbench("leaderboard", "runs", "--published", "*COIN,x").out.count("a coin") == 1
    both = spatialbench("leaderboard", "runs", "--published", "*", "--no-published")
    assert "do not go together" in both.err


def test_a_comparison_takes_the_same_options(spatialbench: Command) -> None:
    for name, skill in (("a", "0.2"), ("b", "0.9")):
        spatialbench(*RUN, "--set", f"skill={skill}", "--out", name)
    chosen = ("compare", "a", "b", "--rows", "RIGHT", "--columns", "B − A,A", "--digits", "1")
    text = spatialbench(*chosen, "--flips", "0").out
    assert re.search(r"^metric +B − A +A$", text, re.MULTILINE)
    assert re.search(r"^RIGHT +\+\d+\.\d \[", text, re.MULTILINE)
    assert "FOUND" not in text.replace("FOUND,", "")
    assert spatialbench("compare", "a", "b", "--rows", "WRONG").status == 2
    for form in ("json", "csv"):
        refused = spatialbench(*chosen, "--format", form)
        assert refused.status == 2
        assert f"--format {form} has the whole result and its numbers in full" in refused.err
        assert f"leave out --{'columns' if form == 'json' else 'digits'}" in refused.err
    head, *lines = spatialbench(*chosen[:-2], "--format", "csv").out.splitlines()
    assert head == (
        "reference,run,reference_name,run_name,group,metric,difference,low,high,reference_value"
    )
    assert lines
    assert all(",RIGHT," in line for line in lines)
    assert spatialbench("compare", "a", "b", "--rows", "WRONG", "--format", "csv").status == 2
    unknown = spatialbench("compare", "a", "b", "--columns", "D", "--format", "csv")
    assert "unknown column 'D'" in unknown.err
    assert "by group" not in spatialbench("compare", "a", "b").out
    assert "by group" in spatialbench("compare", "a", "b", "--by", "relation").out


def test_rows_of_two_runs_with_one_name(spatialbench: Command) -> None:
    """The table shows more than the name of each; the name alone still means both."""
    run = ("run", "--method", "painter", "--bench", "squares", "--limit", "2", "--name")
    for name, skill in (("twin", "1"), ("twin", "0.5"), ("other", "0")):
        assert spatialbench(*run, name, "--set", f"skill={skill}").status == 0
    outcome = spatialbench("leaderboard", "runs", "--rows", "twin", "--format", "json")
    names = [row["name"] for row in json.loads(outcome.out)["rows"] if row["name"] != "a coin"]
    assert sorted(names) == ["twin (skill=0.5)", "twin (skill=1.0)"]
