"""The commands of README and of docs/first-steps.md are run as printed.

Those that need a GPU or the network are planned.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Literal

import click
import pytest
import yaml

from spatialbench.cli import main, root
from tests.test_architecture import ORDER

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
FIRST_STEPS = ROOT / "docs" / "first-steps.md"


def _blocks(page: Path, language: str = "sh") -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), flags=re.DOTALL)


def _commands(page: Path, start: str) -> list[list[str]]:
    """Arguments of the ``spatialbench`` lines of the block that starts so."""
    block = next(block for block in _blocks(page) if block.startswith(start))
    lines = block.replace("\\\n", " ").splitlines()
    return [
        shlex.split(line, comments=True)[1:] for line in lines if line.startswith("spatialbench ")
    ]


def test_the_everyday_commands_work_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments in _commands(FIRST_STEPS, "spatialbench list methods"):
        status = main(arguments)
        out, err = capfd.readouterr()
        assert status == 0, (arguments, err)
        assert out.strip(), arguments
        if "json" in arguments:
            assert json.loads(out)["images"] == 16
    assert len((tmp_path / "verdicts.jsonl").read_text().splitlines()) == 16


def _planned(page: Path, start: str) -> list[list[str]]:
    """The runs of a block, after each was planned: understood, and what is missing is told."""
    planned = [arguments for arguments in _commands(page, start) if arguments[0] == "run"]
    for arguments in planned:
        assert main([*arguments, "--dry-run"]) == 0, arguments
    return planned


def test_the_gpu_commands_are_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(_planned(FIRST_STEPS, "spatialbench fetch")) == 2
    assert "sd2.1-base" in capfd.readouterr().out


def test_a_lora_beside_its_base_is_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    import torch
    from safetensors.torch import save_file

    monkeypatch.chdir(tmp_path)
    layer = "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
    pair = {"A": torch.zeros(4, 640), "B": torch.zeros(640, 4)}
    tensors = {f"{layer}.lora_{part}.weight": tensor for part, tensor in pair.items()}
    save_file(tensors, "my_lora.safetensors")
    base, mine = _planned(README, "spatialbench fetch")
    assert "sdxl" in capfd.readouterr().out
    # The two differ in the method alone, and are what is compared and shown.
    options = ["--method", "--set", "--out"]
    kept = [
        {key: value for key, value in zip(run[1::2], run[2::2], strict=True) if key not in options}
        for run in (base, mine)
    ]
    assert kept[0] == kept[1]
    folders = [run[run.index("--out") + 1] for run in (base, mine)]
    last = [command for command in _commands(README, "spatialbench fetch") if command[0] != "run"]
    assert last[1:] == [["compare", *folders], ["gallery", *folders]]


def test_a_papers_table_is_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    listed, planned, on_lab, site = _commands(README, "spatialbench reproduce")
    assert main(listed) == 0
    papers = {line.partition("/")[0] for line in capfd.readouterr().out.splitlines() if "/" in line}
    assert len(papers - {"lab"}) == 6
    assert "the results tables of six papers" in README.read_text()
    assert main(planned) == 0
    assert "InfSplign SD 1.4" in capfd.readouterr().out
    # The same table on the lab is planned by tests/recipes, with the same options.
    assert on_lab == [*planned[:2], "--backbone", "lab", "--limit", "50"]
    assert site[0] == "site"


def test_the_first_command_has_a_limit_and_the_first_screen_is_one() -> None:
    text = README.read_text()
    first = next(re.finditer(r"^ *(spatialbench run .*)$", text, flags=re.MULTILINE))[1]
    assert "--limit" in first
    assert len(text) < 8_000
    for heading in ("Is my LoRA better", "A gate in CI"):
        section = text[text.index(f"## {heading}") :].partition("```")[2].partition("```")[0]
        assert len(section.strip().splitlines()) <= 1 + 10


def test_the_step_of_ci_gives_inputs_that_the_action_has() -> None:
    workflow = yaml.safe_load(_blocks(README, "yaml")[0])
    given = workflow["jobs"]["spatial"]["steps"][-1]["with"]
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    assert given.keys() <= action["inputs"].keys()
    command = root.get_command(click.Context(root), "run")
    assert command is not None
    known = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in given["run"].split() if word.startswith("--")} <= known


@pytest.mark.parametrize("page", [README, FIRST_STEPS], ids=lambda page: page.name)
def test_every_verb_that_is_named_exists(page: Path) -> None:
    named = set(re.findall(r"spatialbench ([a-z-]+)\b", page.read_text()))
    verbs = set(root.list_commands(click.Context(root)))
    assert named & verbs
    assert {verb for verb in named if f"`spatialbench {verb}" in page.read_text()} <= verbs


@pytest.mark.parametrize("kind", ["benchmark", "method"])
def test_the_tables_name_what_there_is(kind: Literal["benchmark", "method"]) -> None:
    from spatialbench import plugins

    text = README.read_text()
    table = text[text.index(f"| {kind} | ") :].partition("\n\n")[0]
    cells = [row.split(" | ")[0] for row in table.splitlines()[2:]]
    named = {name.partition(":")[0] for name in re.findall(r"`([^`]+)`", " ".join(cells))}
    assert named <= set(plugins.names(kind))


def test_make_targets_exist() -> None:
    targets = (ROOT / "Makefile").read_text()
    blocks = _blocks(README) + _blocks(FIRST_STEPS)
    named = re.findall(r"^make ([a-z]+)", "\n".join(blocks), flags=re.MULTILINE)
    named += re.findall(r"`make ([a-z]+)`", README.read_text())
    assert {"demo", "test", "docs"} <= set(named)
    for target in named:
        assert f"\n{target}:" in targets


def test_the_architecture_names_every_room() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    table = text[text.index("| room |") : text.index("`benchmarks/`, `detectors/`")]
    cells = [row.split("|")[1] for row in table.splitlines()[2:] if row]
    rooms = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert rooms == [room for room in ORDER if room != "lab/training"]


def test_the_glossary_explains_the_ten_words() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text()
    words = "method backbone detector judge rule metric subset selection identity signature"
    assert re.findall(r"^\| \*(\w+)\* \|", text, flags=re.MULTILINE) == words.split()
