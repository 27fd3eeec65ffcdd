"""Training sets: relations in depth by one command; and every verb on their runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Command, Outcome
from tests.cli.json_schemas import fits
from tests.stages.conftest import depth_folder as depth_folder

PROMPTS = [
    ("a red square left of a green square", "left"),
    ("a red square in front of a green square", "in_front"),
    ("a red square behind a green square", "behind"),
]
BUILD = (
    *("esplora", "build-data", "--folder", "my set", "--prompts", "asked.jsonl"),
    *("--method", "painter", "--set", "skill=1", "--detector", "colour-blobs"),
)


def write_prompts() -> None:
    lines = [
        json.dumps({"text": text, "relations": [["red square", word, "green square"]]})
        for text, word in PROMPTS
    ]
    Path("asked.jsonl").write_text("\n".join(lines))


def metrics(scored: Outcome) -> dict[str, float]:
    document = json.loads(scored.out)
    return {**document, **document.get("metrics", {})}


def test_one_command_on_the_lab_ends_in_a_set_with_depth(spatialbench: Command) -> None:
    command = ("esplora", "build-data", "--folder", "my set", "--relations", "in_front,behind")
    small = ("--count", "12", "--steps", "6", "--batch-size", "12", "--format", "json")
    made = spatialbench(*command, *small)
    assert made.status == 0, made.err
    said = fits("training-set", json.loads(made.out))
    assert said["depth"] == {"model": "ground-plane@1", "images": 12, "kept": said["kept"]}
    assert said["kept"] > 0
    assert f"{said['kept']} of the 12 that ask for in front of or behind are among" in made.err
    lines = [json.loads(line) for line in Path("my set/metadata.jsonl").read_text().splitlines()]
    for line in lines:
        ((subject, relation, _),) = line["relations"]
        feet = dict(zip(line["objects"], (box[3] for box in line["boxes"]), strict=True))
        nearer = max(feet, key=feet.__getitem__)
        assert (nearer == subject) == (relation == "in_front"), line
    # Every other verb takes the set as it is.
    before = json.loads(spatialbench("status", "my set", "--format", "json").out)
    assert before["next"] == 'spatialbench score "my set/run"'
    scored = metrics(spatialbench("score", "my set", "--format", "json"))
    assert scored["kept"] == pytest.approx(100 * said["kept"] / 12)
    page = spatialbench("gallery", "my set")
    assert page.status == 0, page.err
    told = spatialbench("depth", "my set", "--model", "ground-plane")
    assert "0 depth maps made now" in told.err, told.err


def test_the_depth_model_is_chosen_and_kept(spatialbench: Command, depth_folder: Path) -> None:
    write_prompts()
    first = spatialbench(*BUILD, "--format", "json")
    assert first.status == 0, first.err
    flat = "none of the 2 that ask for in front of or behind is among them (relation wrong: 2)"
    assert flat in first.err, "the painter paints both squares on one level"
    images = sorted(Path("my set/run/images").rglob("*.png"))
    before = [image.stat().st_mtime_ns for image in images]
    other = ("--depth", f"depth-anything:{depth_folder}")
    named = spatialbench(*BUILD, *other, "--format", "json")
    assert named.status == 0, named.err
    by_network = json.loads(named.out)
    assert by_network["depth"]["model"].startswith("depth-anything@")
    assert sum(by_network["outcomes"]["behind"].values()) == 1
    # The same command gives the same set, whatever other maps lie there.
    again = json.loads(spatialbench(*BUILD, "--format", "json").out)
    assert again == json.loads(first.out)
    # A set whose maps 'depth' made, as version 0.1 asked for, is sorted by those.
    shutil.rmtree("my set/run/depth/ground-plane@1")
    begun = json.loads(spatialbench(*BUILD, "--format", "json").out)
    assert begun == by_network
    assert [image.stat().st_mtime_ns for image in images] == before, "nothing is made twice"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--relations", "in_front,besides"), "names 'besides': give some of left, right, above"),
        (("--relations", ","), "give some of left, right, above"),
        (("--relations", "in_front,behind", "--complex", "0.5"), "all lie on one"),
        (("--relations", "all", "--prompts", "asked.jsonl"), "leave one of the two out"),
        (("--depth", "ground-plane"), "judges these prompts by boxes"),
        (("--relations", "all", "--depth", "dpth"), "unknown depth model 'dpth'"),
        (("--relations", "all", "--depth", "ground-plane:x"), "has no weights"),
        (("--relations", "all", "--depth", "depth-anything", "--offline"), "depth-anything"),
        (
            ("--relations", "all", "--depth", "dpt-hybrid", "--rule", "esplora-r1:depth=maps"),
            "leave one of the two out",
        ),
    ],
)
def test_what_is_refused_before_the_first_image(
    spatialbench: Command, arguments: tuple[str, ...], said: str
) -> None:
    write_prompts()
    Path("maps").mkdir()
    refused = spatialbench("esplora", "build-data", "--folder", "s", *arguments)
    assert refused.status == 2
    assert said in refused.err
    assert not Path("s").exists()


def test_every_verb_opens_the_run_of_a_training_set(spatialbench: Command) -> None:
    lines = [
        json.dumps({"text": text, "relations": [["red square", word, "green square"]]})
        for text, word in (PROMPTS[0], ("a red square above a green square", "above"))
    ]
    Path("asked.jsonl").write_text("\n".join(lines))
    build = (*BUILD, "--images-per-prompt", "6")
    poor = tuple("skill=0.3" if word == "skill=1" else word for word in build)
    poor = tuple("poor set" if word == "my set" else word for word in poor)
    kept = {}
    for name, command in (("my set", build), ("poor set", poor)):
        made = spatialbench(*command, "--format", "json")
        assert made.status == 0, made.err
        kept[name] = json.loads(made.out)["kept"]
        before = json.loads(spatialbench("status", name, "--format", "json").out)
        assert before["next"] == f'spatialbench score "{name}/run"'
        scored = spatialbench("score", name, "--format", "json")
        assert scored.status == 0, scored.err
        after = json.loads(spatialbench("status", name, "--format", "json").out)
        assert (after["partial"], after["next"]) == (False, "nothing is left to do")
        # The set's own numbers: what the verdicts say is kept is what the build kept.
        verdicts = spatialbench("score", name, "--verdicts", "verdicts.jsonl")
        assert verdicts.status == 0, verdicts.err
        rows = [json.loads(line) for line in Path("verdicts.jsonl").read_text().splitlines()]
        assert sum(row["correct"] for row in rows) == kept[name]
        shares = metrics(spatialbench("score", name, "--format", "json"))
        assert shares["kept"] == pytest.approx(100 * kept[name] / 12)
        assert shares["found"] >= shares["right"] >= shares["kept"]
        assert shares["kept_cond"] == pytest.approx(100 * shares["kept"] / shares["found"])
    assert kept["poor set"] < kept["my set"]

    board = spatialbench("leaderboard", "my set", "poor set", "--format", "json")
    assert board.status == 0, board.err
    assert "esplora-training" in board.out
    compared = spatialbench("compare", "my set", "poor set")
    assert compared.status == 0, compared.err
    assert "kept" in compared.out
    for arguments in (
        ("gallery", "my set"),
        ("score", "my set", "--rule", "esplora-r2"),
        ("detect", "my set", "--detector", "colour-blobs"),
    ):
        done = spatialbench(*arguments)
        assert done.status == 0, done.err
    assert "no prompt of my set/run asks for in front" in spatialbench("depth", "my set").err


def test_the_prompts_of_a_training_set_stand_in_its_run(spatialbench: Command) -> None:
    write_prompts()
    spatialbench(*BUILD)
    stored = Path("my set/run/asked.json")
    stored.unlink()
    lost = spatialbench("status", "my set/run")
    assert lost.status == 2
    assert "type its command again, which writes them: spatialbench esplora" in lost.err
    spatialbench(*BUILD)
    assert spatialbench("status", "my set/run").status == 0
    # Prompts of another set are not those the run was made with.
    stored.write_text(stored.read_text().replace("left of", "beside"))
    other = spatialbench("status", "my set/run")
    assert other.status == 2
    assert "prompt_set" in other.err


def test_the_benchmark_of_no_set_says_where_its_prompts_are(spatialbench: Command) -> None:
    refused = spatialbench("run", "--bench", "esplora-training", "--method", "sd")
    assert refused.status == 2
    assert "'spatialbench esplora build-data' makes one" in refused.err
