"""``spatialbench lab probe``: one line per noise level and block."""

from __future__ import annotations

import re

from click.testing import CliRunner

from spatialbench.cli.lab import command


def test_every_block_at_every_level_is_printed() -> None:
    done = CliRunner().invoke(command, ["probe", "--scenes", "8", "--levels", "0.5,0.9"])
    assert done.exit_code == 0, done.output
    lines = re.findall(
        r"^level (\S+) block (\d): x (-?\d\.\d\d) y (-?\d\.\d\d)$", done.output, re.M
    )
    assert [(level, block) for level, block, *_ in lines] == [
        (level, str(block)) for level in ("0.5", "0.9") for block in range(5)
    ]


def test_levels_that_are_none_and_backbones_without_blocks() -> None:
    for options, said in (
        (["--levels", "half"], "half"),
        (["--levels", "1.5"], "1.5"),
        (["--scenes", "1"], "scenes"),
        (["--backbone", "lab"], "lab"),
    ):
        done = CliRunner().invoke(command, ["probe", *options])
        assert done.exit_code != 0
        assert said in (done.output + str(done.exception))
        assert done.exception is None or type(done.exception).__name__ in (
            "UserError",
            "SystemExit",
        )
