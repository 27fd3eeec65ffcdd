"""``run --prompt-transform`` with a stranger's method, which knows nothing of transforms."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from spatialbench.prompt_transforms import rewriting

from .conftest import Command

RUN = ("run", "--method", "painter", "--bench", "squares", "--set", "skill=1")


def test_tore_keeps_the_meaning_and_is_judged_by_the_original(spatialbench: Command) -> None:
    outcome = spatialbench(*RUN, "--prompt-transform", "tore", "--out", "tore", "--format", "json")
    assert outcome.status == 0, outcome.err
    document = json.loads(outcome.out)
    assert document["metrics"]["RIGHT"] == 100
    assert document["method"] == "painter+tore"
    assert "gen:painter/1(" in document["signature"]
    assert "prompt_transform=tore/2" in document["signature"]
    said = "prompt transform tore/2: 24 of 48 prompts rewritten, 24 unchanged, 0 not parsed"
    assert said in outcome.err
    assert any(note.startswith(said) for note in document["notes"])
    manifest = json.loads(Path("tore/manifest.json").read_text())
    assert manifest["identity"]["generator"]["prompt_transform"] == "tore/2"

    lines = [json.loads(line) for line in Path("tore/prompts.jsonl").read_text().splitlines()]
    assert len(lines) == 48
    changed = [line for line in lines if line["prompt_sent"] != line["prompt_original"]]
    assert len(changed) == 24
    for line in changed:
        assert line["outcome"] == "rewritten"
        weak, strong = line["rule"].split(" -> ")
        first, second = line["prompt_original"].split(f" {weak} ")
        assert line["prompt_sent"] == f"{second} {strong} {first}"

    # The images are of the same scenes: this painter goes by what the prompt it is sent says.
    spatialbench(*RUN, "--out", "plain")
    assert not Path("plain/prompts.jsonl").exists()
    for line in lines:
        image = Path("images") / line["prompt_id"] / "0.png"
        assert (Path("tore") / image).read_bytes() == (Path("plain") / image).read_bytes()
    table = spatialbench("leaderboard", "tore", "plain").out
    assert "painter+tore" in table
    assert "prompt transform tore/2" in spatialbench("score", "tore").out


@pytest.mark.parametrize(("name", "right"), [("swap/3", 100), ("swap-phrase-kept/2", 0)])
def test_swap_says_the_same_and_with_its_phrase_kept_the_contrary(
    spatialbench: Command, name: str, right: int
) -> None:
    """A painter that does as it is told is judged by the original prompt either way."""
    transform = name.partition("/")[0]
    outcome = spatialbench(
        *RUN, "--prompt-transform", transform, "--limit", "8", "--format", "json"
    )
    document = json.loads(outcome.out)
    assert document["metrics"]["RIGHT"] == right
    assert f"{name}: 8 of 8 prompts rewritten" in outcome.err


def test_a_run_of_another_version_is_shown_and_not_added_to(
    spatialbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run begun with ``tore/1``, opened where ``tore/2`` is installed."""
    larger = (*RUN, "--prompt-transform", "tore", "--out", "run")
    with monkeypatch.context() as patch:
        patch.setattr(rewriting, "TORE", replace(rewriting.TORE, version=1))
        made = spatialbench("generate", *larger[1:], "--limit", "4")
        assert made.status == 0, made.err
    manifest = json.loads(Path("run/manifest.json").read_text())
    assert manifest["identity"]["generator"]["prompt_transform"] == "tore/1"
    texts = Path("run/prompts.jsonl").read_bytes()

    command = next(
        line for line in spatialbench("status", "run").out.splitlines() if line.startswith("next")
    )
    assert command.split()[1:] == ["spatialbench", "detect", "run"]
    assert spatialbench("detect", "run").status == 0
    scored = spatialbench("score", "run", "--format", "json")
    assert scored.status == 0, scored.err
    assert json.loads(scored.out)["images"] == 8
    assert "prompt transform tore/1" in json.loads(scored.out)["notes"][0]
    assert "painter+tore" in spatialbench("leaderboard", "run").out
    assert spatialbench("gallery", "run").status == 0
    sent = json.loads(texts.splitlines()[-1])["prompt_sent"]
    assert any(sent in data.read_text() for data in Path("run/gallery").rglob("*.js"))
    assert "nothing is left to do" in spatialbench("status", "run").out

    for name in ("tore", "tore/1"):
        refused = spatialbench(*larger, "--limit", "8", "--prompt-transform", name)
        assert refused.status == 2
        assert "tore/1" in refused.err
        assert "another --out" in refused.err
    assert Path("run/prompts.jsonl").read_bytes() == texts
    Path(next(iter(Path("run/images").iterdir()), Path()), "0.png").unlink()
    assert "the missing ones need tore/1" in spatialbench("status", "run").out
    elsewhere = spatialbench("generate", *larger[1:-1], "new", "--limit", "4")
    assert elsewhere.status == 0, elsewhere.err


def test_another_transform_is_another_run(spatialbench: Command) -> None:
    spatialbench(*RUN, "--limit", "4", "--out", "here")
    failed = spatialbench(*RUN, "--limit", "4", "--prompt-transform", "tore", "--out", "here")
    assert failed.status == 2
    assert "prompt_transform" in failed.err
    larger = (*RUN, "--prompt-transform", "tore", "--out", "there")
    spatialbench(*larger, "--limit", "4")
    assert len(Path("there/prompts.jsonl").read_text().splitlines()) == 4
    spatialbench(*larger, "--limit", "8")
    assert len(Path("there/prompts.jsonl").read_text().splitlines()) == 8


@pytest.mark.parametrize("name", ["toer", "TORE", "swapp"])
def test_unknown(spatialbench: Command, name: str) -> None:
    failed = spatialbench(*RUN, "--prompt-transform", name)
    assert failed.status == 2
    assert f"unknown prompt transform {name!r}" in failed.err
    assert "Known: none, photo, swap, swap-phrase-kept, tore, tore-extended." in failed.err


def test_none_is_no_transform(spatialbench: Command) -> None:
    spatialbench(*RUN, "--limit", "4", "--out", "run")
    again = spatialbench(*RUN, "--limit", "4", "--out", "run", "--prompt-transform", "none")
    assert again.status == 0, again.err


def test_a_run_scored_by_a_rule_for_any_benchmark(spatialbench: Command) -> None:
    spatialbench(*RUN, "--out", "run")
    official = spatialbench("leaderboard", "run").out
    document = json.loads(
        spatialbench("score", "run", "--rule", "esplora-r2", "--format", "json").out
    )
    assert document["metrics"]["R2_strict"] == document["metrics"]["OA"] == 100
    assert document["metrics"]["R2_soft"] == 100
    rows = spatialbench("leaderboard", "run").out
    assert "R2_strict" in rows
    assert "R2_strict" not in official
    assert "other conditions: rule esplora-r2/1" in rows
    spatialbench(*RUN, "--out", "other", "--limit", "12")
    refused = spatialbench("compare", "run", "other")
    assert refused.status == 2
    assert "was judged by esplora-r2/1" in refused.err
    assert "--rule esplora-r2/1" in refused.err
    spatialbench("score", "other", "--rule", "esplora-r2/1")
    compared = spatialbench("compare", "run", "other")
    assert compared.status == 0
    assert "R2_strict" in compared.out
    assert spatialbench("gate", "run", "--write", "gate.json").status == 0
    assert "R2_strict" in Path("gate.json").read_text()
    assert spatialbench("gallery", "run").status == 0
