"""``run --prompt-transform file:PATH``: a condition of its own, and the file is needed once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from spatialbench import UserError, compare, evaluate
from spatialbench.plugins import Outcome, PromptTransform, Rewriting, discovery, load
from spatialbench.prompts import Prompt

from .conftest import Command

RUN = ("run", "--method", "painter", "--bench", "squares", "--set", "skill=1")
GIVEN = "--prompt-transform"


def _write(path: str, ids: int | None = None) -> dict[str, str]:
    """A file of rewritten prompts; the painter goes by what it is sent, which says the same."""
    prompts = load("benchmark", "squares").prompts("all")
    texts = {prompt.id: f"{prompt.text}, in oil" for prompt in prompts[:ids]}
    lines = [json.dumps({"prompt_id": key, "text": text}) + "\n" for key, text in texts.items()]
    Path(path).write_text("".join(lines))
    return texts


def _identity(run: str) -> str:
    manifest = json.loads(Path(run, "manifest.json").read_text())
    return str(manifest["identity"]["generator"]["prompt_transform"])


def test_a_run_holds_its_texts_and_needs_the_file_no_more(spatialbench: Command) -> None:
    texts = _write("a.jsonl")
    first = spatialbench(*RUN, GIVEN, "file:a.jsonl", "--limit", "4", "--format", "json")
    assert first.status == 0, first.err
    document = json.loads(first.out)
    assert document["method"] == "painter+file"
    signature = f"prompt_transform={_identity(_only_run())}"
    assert signature in document["signature"]
    said = "4 of 4 prompts rewritten"
    assert said in first.err
    assert any(said in note for note in document["notes"])
    stored = [
        json.loads(line) for line in Path(_only_run(), "prompts.jsonl").read_text().splitlines()
    ]
    assert {line["prompt_id"]: line["prompt_sent"] for line in stored} == texts

    Path("a.jsonl").unlink()
    for more in ((GIVEN, "file:a.jsonl"), (GIVEN, _identity(_only_run()))):
        again = spatialbench(*RUN, *more, "--limit", "8")
        assert again.status == 0, again.err
    assert (
        "there is no file a.jsonl: the texts that"
        in spatialbench(*RUN, GIVEN, "file:a.jsonl", "--limit", "8").err
    )
    run = _only_run()
    for verb in ("status", "score", "leaderboard", "gallery", "detect"):
        assert spatialbench(verb, run).status == 0
    assert f"rewritten prompts             {_identity(run)}" in spatialbench("status", run).out
    named = spatialbench(*RUN, GIVEN, "file:a.jsonl", "--limit", "4", "--out", run)
    assert named.status == 0, named.err


def _only_run() -> str:
    (manifest,) = Path("runs").glob("*/*/*/manifest.json")
    return str(manifest.parent)


def test_path_order_and_format_are_no_part_of_it(spatialbench: Command) -> None:
    texts = _write("a.jsonl")
    Path("b.json").write_text(json.dumps(dict(reversed(texts.items())), indent=2))
    spatialbench(*RUN, GIVEN, "file:a.jsonl", "--limit", "4", "--out", "run")
    again = spatialbench(*RUN, GIVEN, "file:b.json", "--limit", "4", "--out", "run")
    assert again.status == 0, again.err
    key = next(iter(texts))
    Path("c.json").write_text(json.dumps({**texts, key: "another text"}))
    other = spatialbench(*RUN, GIVEN, "file:c.json", "--limit", "4", "--out", "run")
    assert other.status == 2
    assert "generator.prompt_transform" in other.err


def test_altered_texts_are_refused(spatialbench: Command) -> None:
    _write("a.jsonl")
    spatialbench(*RUN, GIVEN, "file:a.jsonl", "--limit", "4", "--out", "run")
    path = Path("run/prompts.jsonl")
    content = path.read_text()
    again = (*RUN, GIVEN, "file:a.jsonl", "--limit", "4", "--out", "run")
    for altered in (content.replace("in oil", "in ink", 1), content[:-9], ""):
        path.write_text(altered)
        for command in (("score", "run"), ("gallery", "run"), again):
            refused = spatialbench(*command)
            assert refused.status == 2
            assert "prompts.jsonl" in refused.err
            assert "altered" in refused.err
    # As the message says: without it, the command with the file writes it again.
    path.unlink()
    assert spatialbench("score", "run").status == 2
    assert spatialbench(*again).status == 0
    assert path.read_text() == content


def test_only_the_selected_prompts_must_be_there(spatialbench: Command) -> None:
    texts = _write("a.jsonl", 3)
    only = ",".join(texts)
    fine = spatialbench(*RUN, GIVEN, "file:a.jsonl", "--only", only, "--out", "some")
    assert fine.status == 0, fine.err
    for how in ((), ("--dry-run",)):
        failed = spatialbench(*RUN, GIVEN, "file:a.jsonl", "--out", "run", *how)
        assert failed.status == 2
        assert "a.jsonl has no text for 45 of 48 selected prompts" in failed.err
    assert not Path("run").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("file:none.jsonl", "there is no file none.jsonl"),
        ("file:", "names no file"),
        ("file/0123456789abcdef", "no run of this method"),
        ("file:.", "cannot be read"),
    ],
)
def test_no_file(spatialbench: Command, given: str, said: str) -> None:
    failed = spatialbench(*RUN, GIVEN, given)
    assert failed.status == 2
    assert said in failed.err


def test_in_python_a_mapping_is_the_same_as_a_file(spatialbench: Command) -> None:
    texts = _write("a.jsonl")
    options: dict[str, Any] = {"limit": 4, "parameters": {"skill": 1}, "progress": False}
    run = evaluate("painter", "squares", prompt_transform=texts, **options)
    again = evaluate("painter", "squares", prompt_transform="file:a.jsonl", **options)
    assert run.path == again.path
    frame = run.frame()
    assert list(frame.columns[:3]) == ["prompt_id", "prompt", "prompt_sent"]
    assert dict(zip(frame["prompt_id"], frame["prompt_sent"], strict=True)) == {
        prompt_id: texts[prompt_id] for prompt_id in frame["prompt_id"]
    }
    plain = evaluate("painter", "squares", **options)
    assert "prompt_sent" not in plain.frame().columns
    assert plain.path != run.path
    with pytest.raises(UserError, match="--allow-other-prompts"):
        compare(plain, run)
    assert compare(plain, run, other_prompts=True).pairs
    for wrong in (7, ["a"]):
        with pytest.raises(UserError, match="cannot rewrite prompts"):
            evaluate("painter", "squares", prompt_transform=cast(Any, wrong), **options)


def test_the_gallery_shows_what_an_image_was_made_from(spatialbench: Command) -> None:
    texts = _write("a.jsonl")
    spatialbench(*RUN, GIVEN, "file:a.jsonl", "--limit", "4", "--out", "run")
    spatialbench("gallery", "run", "--out", "pages")
    data = Path("pages/data/0.js").read_text()
    records = json.loads(data[data.index("[") : data.rindex("]") + 1])
    for record in records:
        prompt_id = record["id"].partition("/")[0]
        assert record["sides"][0]["sent"] == texts[prompt_id] != record["text"]


def test_a_plan_says_how_many_prompts_are_rewritten(spatialbench: Command) -> None:
    texts = _write("a.jsonl", 4)
    planned = (*RUN, GIVEN, "file:a.jsonl", "--only", ",".join(texts), "--dry-run")
    assert "4 of 4 prompts rewritten" in " ".join(spatialbench(*planned).out.split())
    prompts = load("benchmark", "squares").prompts("all")
    Path("own.json").write_text(json.dumps({prompt.id: prompt.text for prompt in prompts}))
    plain = spatialbench(*RUN, GIVEN, "file:own.json", "--limit", "4")
    assert "0 of 4 prompts rewritten" in plain.err
    assert "so the run could be a plain one" in plain.err


def test_an_exported_folder_stays_rewritten(spatialbench: Command) -> None:
    """Where the layout does not say so, the user is told what to type."""
    _write("a.jsonl")
    spatialbench(*RUN, GIVEN, "file:a.jsonl", "--limit", "4", "--out", "run")
    table = spatialbench("export", "run", "--layout", "flat+csv", "--out", "flat")
    assert "--prompt-transform file:run/prompts.jsonl" in table.err
    again = ("import", "flat", "--layout", "flat+csv", "--bench", "squares", "--name", "b")
    told = spatialbench(
        *again, GIVEN, "file:run/prompts.jsonl", "--limit", "4", "--out", "flat-run"
    )
    assert told.status == 0, told.err
    assert _identity("flat-run") == _identity("run")
    # This benchmark has no metadata by which GenEval's layout would find a rewritten prompt.
    folders = spatialbench("export", "run", "--layout", "geneval", "--out", "folders")
    assert "--prompt-transform file:run/prompts.jsonl" in folders.err
    again = ("import", "folders", "--layout", "geneval", "--bench", "squares", "--name", "b")
    told = spatialbench(*again, GIVEN, "file:run/prompts.jsonl", "--limit", "4", "--out", "back")
    assert told.status == 0, told.err
    assert _identity("back") == _identity("run")


FAULTS = {
    "Raising": "raise RuntimeError('no')",
    "OtherId": "return replace(prompt, id='x'), Rewriting(prompt.text, Outcome.UNCHANGED)",
    "OtherText": "return prompt, Rewriting('x', Outcome.REWRITTEN)",
    "Nothing": "return None",
    "Blank": "return replace(prompt, text=' '), Rewriting(' ', Outcome.REWRITTEN)",
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_transform_that_fails_is_named(
    spatialbench: Command, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(discovery._given, "prompt transform", {})
    Path("own.py").write_text(
        "from dataclasses import replace\n"
        "from spatialbench.plugins import Outcome, PromptTransform, Rewriting\n"
        f"class {name}(PromptTransform):\n"
        "    name = 'odd'\n    summary = 'odd'\n"
        f"    def apply(self, prompt):\n        {FAULTS[name]}\n"
    )
    failed = spatialbench(*RUN, GIVEN, f"own.py:{name}", "--limit", "4", "--out", "run")
    assert failed.status == 2, failed.err
    assert "the prompt transform odd" in failed.err
    assert not Path("run").exists()


def test_files_that_differ_elsewhere_do_not_keep_runs_apart(spatialbench: Command) -> None:
    """As an import of a few prompts has the texts of these alone."""
    _write("a.jsonl")
    spatialbench(*RUN, GIVEN, "file:a.jsonl", "--limit", "4", "--out", "run")
    stored = Path("run/prompts.jsonl").read_text().splitlines()[:4]
    few = {line["prompt_id"]: line["prompt_sent"] for line in map(json.loads, stored)}
    Path("few.json").write_text(json.dumps(few))
    spatialbench(*RUN, GIVEN, "file:few.json", "--only", ",".join(few), "--out", "few")
    assert _identity("few") != _identity("run")
    same = spatialbench("compare", "run", "few")
    assert same.status == 0, same.err
    Path("few.json").write_text(json.dumps({**few, next(iter(few)): "other"}))
    spatialbench(*RUN, GIVEN, "file:few.json", "--only", ",".join(few), "--out", "other")
    assert spatialbench("compare", "run", "other").status == 2


def test_a_file_without_its_word_is_told(spatialbench: Command) -> None:
    _write("a.jsonl")
    failed = spatialbench(*RUN, GIVEN, "a.jsonl", "--limit", "4")
    assert failed.status == 2
    assert "give file:a.jsonl" in failed.err


class Loud(PromptTransform):
    """An object, which no name leads to."""

    name, summary = "loud", "in capitals"

    def apply(self, prompt: Prompt) -> tuple[Prompt, Rewriting]:
        """The prompt in capitals."""
        text = prompt.text.upper()
        return replace(prompt, text=text), Rewriting(text, Outcome.REWRITTEN)


def test_a_transform_may_be_an_object(spatialbench: Command) -> None:
    run = evaluate("painter", "squares", prompt_transform=Loud(), limit=4, progress=False)
    assert run.summary.method == "painter+loud"
    stored = [json.loads(line) for line in (run.path / "prompts.jsonl").read_text().splitlines()]
    assert all(line["prompt_sent"] == line["prompt_original"].upper() for line in stored)
    assert "[p]" in run.table()
    sent = dict(zip(run.frame()["prompt_id"], run.frame()["prompt_sent"], strict=True))
    assert sent == {line["prompt_id"]: line["prompt_sent"] for line in stored}


def test_a_partial_import_says_nothing_of_what_it_lacks(spatialbench: Command) -> None:
    texts = _write("a.jsonl")
    spatialbench(*RUN, GIVEN, "file:a.jsonl", "--limit", "4", "--out", "run")
    spatialbench("export", "run", "--layout", "geneval", "--out", "folders")
    for path in next(Path("folders").glob("*/samples/*.png")).parent.glob("*.png"):
        gone = json.loads((path.parents[1] / "metadata.jsonl").read_text())["prompt"]
        path.unlink()
    few = {one: text for one, text in texts.items() if not text.startswith(gone)}
    Path("few.json").write_text(json.dumps(few))
    again = ("import", "folders", "--layout", "geneval", "--bench", "squares", "--name", "b")
    options = ("--limit", "4", "--allow-partial", GIVEN, "file:few.json")
    brought = spatialbench(*again, *options, "--out", "part")
    assert brought.status == 0, brought.err
    assert _identity("part").startswith("file/")
    for verb in ("detect", "score", "gallery", "status"):
        done = spatialbench(verb, "part")
        assert done.status == 0, done.err
    assert spatialbench("compare", "run", "part").status == 0
    back = spatialbench("export", "part", "--layout", "geneval", "--out", "back")
    assert back.status == 0, back.err
