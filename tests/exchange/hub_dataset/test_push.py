"""Uploads, against a server on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import DatasetCard, constants

from spatialbench.errors import UserError
from spatialbench.exchange.hub_dataset.folder import export_hub
from spatialbench.exchange.hub_dataset.push import planned, push, require_repo
from spatialbench.runs.opening import Run
from spatialbench.runs.progress import Silent
from spatialbench.runs.selection import Selection
from spatialbench.stages.whole import run_all
from tests.stages.fakes import Painter, Shapes, open_shapes, work
from tests.tree import tree

from .upload_server import TOKEN, Hub, running, use

SHAPES = Shapes(count=4, images=2)
REPO = "me/images"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with running() as server:
        use(monkeypatch, server.address)
        yield server


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("whole") / "run").path


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Run:
    shutil.copytree(whole, tmp_path / "run")
    return open_shapes(tmp_path / "run", SHAPES)


def made(folder: Path, limit: int | None = None, painter: Painter | None = None) -> Run:
    opened = open_shapes(folder, SHAPES, painter, Selection(limit=limit))
    run_all(opened, work(painter), Silent())
    return opened


def send(run: Run, repo: str = REPO, **options: Any) -> str:
    return push(run, repo, **{"private": False, "replace": False, "progress": Silent(), **options})


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("large", ["never", ".png"])
def test_the_data_set_is_what_export_writes(
    hub: Hub, run: Run, tmp_path: Path, large: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.large = large
    if large != "never":  # The newer protocol for large files needs a server of its own.
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    before = tree(tmp_path)
    assert send(run) == f"{hub.address}/datasets/{REPO}"
    assert tree(tmp_path) == before
    export_hub(run, tmp_path / "out", Silent(), REPO)
    held = dict(hub.datasets[REPO])
    del held[".gitattributes"]
    assert held == files(tmp_path / "out")
    assert REPO not in hub.private
    assert bool(hub.objects) is (large != "never")


def test_private_is_asked_for(hub: Hub, run: Run) -> None:
    send(run, private=True)
    assert hub.private == {REPO}


def test_a_second_upload_changes_nothing(hub: Hub, run: Run) -> None:
    send(run)
    held, commits = dict(hub.datasets[REPO]), hub.commits
    send(run)
    assert (hub.datasets[REPO], hub.commits) == (held, commits)


def test_the_license_that_its_owner_chose_stays(hub: Hub, tmp_path: Path) -> None:
    send(made(tmp_path / "run", limit=2))
    card = hub.datasets[REPO]["README.md"].decode()
    hub.datasets[REPO]["README.md"] = card.replace("---\n", "---\nlicense: cc0-1.0\n", 1).encode()
    send(made(tmp_path / "run"))
    card = hub.datasets[REPO]["README.md"].decode()
    assert DatasetCard(card).data.license == "cc0-1.0"
    assert "8 images made for" in card


def test_an_interrupted_upload_goes_on(hub: Hub, run: Run, tmp_path: Path) -> None:
    hub.fails = 10**6
    with pytest.raises(UserError, match=r"did not end .*'spatialbench push .*run me/images' goes"):
        send(run)
    assert not list(tmp_path.glob(".*"))
    hub.fails = 0
    send(run)
    assert sum(name.startswith("images/") for name in hub.datasets[REPO]) == 8


def test_an_upload_that_ended_between_two_commits_goes_on(hub: Hub, run: Run) -> None:
    """The client makes several commits of many files, in the order of their names."""
    send(run)
    committed = [name for name in hub.datasets[REPO] if name != ".gitattributes"]
    assert committed == sorted(committed)
    for name in committed[len(committed) // 2 :]:
        del hub.datasets[REPO][name]
    assert "metadata.jsonl" not in hub.datasets[REPO]
    send(run)
    assert set(hub.datasets[REPO]) == {*committed, ".gitattributes"}


def test_more_images_of_a_run_join_those_that_are_there(hub: Hub, tmp_path: Path) -> None:
    send(made(tmp_path / "run", limit=2))
    few = {name for name in hub.datasets[REPO] if name.startswith("images/")}
    send(made(tmp_path / "run"))
    whole = {name for name in hub.datasets[REPO] if name.startswith("images/")}
    assert (len(few), len(whole)) == (4, 8)
    assert few < whole


def test_what_a_run_has_lost_is_taken_away(hub: Hub, run: Run) -> None:
    send(run)
    run.directory.discard(run.expected.keys()[:1])
    send(run)
    held = set(hub.datasets[REPO])
    assert sum(name.startswith("images/") for name in held) == 7
    assert {"missing.jsonl", "README.md", ".gitattributes"} <= held


def test_other_peoples_files_are_not_overwritten(hub: Hub, run: Run, tmp_path: Path) -> None:
    hub.datasets[REPO] = {"data.parquet": b"mine", "README.md": b"mine"}
    with pytest.raises(UserError, match=r"holds other files: .*--replace"):
        send(run)
    assert hub.datasets[REPO] == {"data.parquet": b"mine", "README.md": b"mine"}
    send(run, "me/others")
    second = made(tmp_path / "second", painter=Painter(steps=3))
    with pytest.raises(UserError, match=f"holds the run {run.manifest.id}"):
        send(second, "me/others")
    send(second, "me/others", replace=True)
    assert {n for n in hub.datasets["me/others"] if n.startswith(".spatialbench/")} == {
        f".spatialbench/{second.manifest.id}.json"
    }


def test_without_a_token_nothing_is_asked(
    hub: Hub, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    with pytest.raises(UserError, match=r"'hf auth login'.*'spatialbench push .*run me/images'"):
        send(run)
    assert hub.requests == []
    assert planned(run, REPO, False, Silent()).token is False


def test_a_token_that_is_not_taken_is_not_shown(
    hub: Hub, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_a_secret_word")
    with pytest.raises(UserError, match="does not take the token") as told:
        send(run)
    assert "secret" not in str(told.value)
    assert hub.requests[-1] == "GET /api/whoami-v2"
    assert not [request for request in hub.requests if not request.startswith("GET")]


@pytest.mark.parametrize("token", ["hf_a_secret\x01word", "hf_a_secret_wörd", "hf_a secret\tword"])
def test_a_token_that_cannot_be_sent_is_not_shown(
    hub: Hub, run: Run, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(UserError) as told:
        send(run)
    assert "secret" not in str(told.value)


def test_a_name_that_the_token_may_not_write_to(hub: Hub, run: Run) -> None:
    hub.foreign = {"them"}
    with pytest.raises(UserError, match="the data set them/images cannot be made"):
        send(run, "them/images")


def test_without_a_network_one_try_is_made(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running() as gone:
        address = gone.address
    use(monkeypatch, address)
    before = tree(tmp_path)
    with pytest.raises(UserError, match=r"cannot be reached .*type 'spatialbench push "):
        send(run)
    assert tree(tmp_path) == before
    monkeypatch.setenv("SPATIALBENCH_OFFLINE", "1")
    with pytest.raises(UserError, match="SPATIALBENCH_OFFLINE"):
        send(run)


@pytest.mark.parametrize("name", ["images", "a/b/c", "../x", "me/..", "me/x y", "-a/b", "me/a--b"])
def test_names_that_no_data_set_can_have(name: str) -> None:
    with pytest.raises(UserError, match="expected ORG/NAME"):
        require_repo(name)


def test_the_plan_counts_what_would_be_sent(hub: Hub, run: Run, tmp_path: Path) -> None:
    upload = planned(run, REPO, True, Silent())
    export_hub(run, tmp_path / "out", Silent(), REPO)
    there = files(tmp_path / "out")
    assert (upload.images, upload.files) == (8, len(there) - 8)
    assert upload.bytes == sum(map(len, there.values()))
    assert hub.requests == []


def test_the_command_takes_the_address_and_token_of_its_environment(
    hub: Hub, tmp_path: Path
) -> None:
    import spatialbench

    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from tests.exchange.hub_dataset.test_push import made, send\n"
        "print(send(made(Path(sys.argv[1]))))\n"
    )
    root = Path(spatialbench.__file__).parents[1]
    told = {"HF_ENDPOINT": hub.address, "HF_HUB_OFFLINE": "0", "TRANSFORMERS_OFFLINE": "0"}
    environment = {**os.environ, **told}
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "run")],
        env={**environment, "PYTHONPATH": str(root)},
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines()[-1:] == [f"{hub.address}/datasets/{REPO}"], done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert len(hub.datasets[REPO]) > 8
