"""Keys: where they come from, and the places that they never reach."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from spatialbench.cli import main
from spatialbench.errors import UserError
from spatialbench.methods.served.access import Address, address_of, key_of, refuse_exposed
from tests.methods.served.runs import method, missing
from tests.methods.served.servers import Asked, Reply, openai_like, serving

SECRET = "sk-proj-NobodyMaySeeThis0123456789"


@pytest.mark.parametrize(
    ("url", "root", "path"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000", ""),
        ("https://Host.example/v1/", "https://host.example", "/v1"),
        ("http://[::1]:30000/a/b", "http://[::1]:30000", "/a/b"),
    ],
)
def test_addresses(url: str, root: str, path: str) -> None:
    address = address_of(url, "example")
    assert (address.root, address.path) == (root, path)


def test_loopback() -> None:
    here = ("http://127.0.0.1", "http://localhost:1", "http://[::1]:1", "http://127.1.2.3")
    assert all(Address(root, "").loopback for root in here)
    there = ("http://10.0.0.1", "http://localhost.example", "http://127.0.0.1.example")
    assert not any(Address(root, "").loopback for root in there)


@pytest.mark.parametrize(
    "url",
    [
        f"http://user:{SECRET}@host",
        f"http://{SECRET}@host",
        f"http://host/v1?key={SECRET}",
        f"http://host/v1#{SECRET}",
        f"http://host/{SECRET}/v1",
        SECRET,
        f"http://host:99999/{SECRET}",
        f"http://host/ {SECRET}",
    ],
)
def test_an_address_with_a_key_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UserError) as refused:
        address_of(url, "http://127.0.0.1:8000")
    assert "NobodyMaySee" not in str(refused.value)
    assert "http://127.0.0.1:8000" in str(refused.value)


@pytest.mark.parametrize("given", [SECRET, "hf_abcDEF0123456789abcdef", "my key"])
def test_a_key_in_place_of_its_variable_is_refused_and_not_repeated(given: str) -> None:
    with pytest.raises(UserError, match="not the name of an environment variable") as refused:
        key_of(given, "OPENAI_API_KEY", False)
    assert given not in str(refused.value)


def test_keys_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert key_of("", "OPENAI_API_KEY", False).value() is None
    monkeypatch.setenv("OPENAI_API_KEY", f" {SECRET}\r\n")
    assert key_of("", "OPENAI_API_KEY", False).value() == SECRET
    assert key_of("none", "OPENAI_API_KEY", True).value() is None
    with pytest.raises(UserError, match="MY_OTHER_KEY with the key is not set"):
        key_of("MY_OTHER_KEY", "OPENAI_API_KEY", False).value()
    monkeypatch.setenv("MY_OTHER_KEY", f"{SECRET}\n{SECRET}")
    with pytest.raises(UserError, match="has spaces, line breaks") as refused:
        key_of("MY_OTHER_KEY", "", False).value()
    assert SECRET not in str(refused.value)


def test_a_key_is_not_sent_in_the_open_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    there = Address("http://images.example:8000", "/v1")
    with pytest.raises(UserError, match=r"would go to images.example:8000 unencrypted"):
        refuse_exposed(there, key_of("", "OPENAI_API_KEY", False), "", {})
    asked = "OPENAI_API_KEY"
    refuse_exposed(there, key_of(asked, asked, False), asked, {})
    refuse_exposed(there, key_of("none", asked, False), "none", {})
    refuse_exposed(Address("https://images.example", ""), key_of("", asked, False), "", {})
    with pytest.raises(UserError, match="negative_prompt holds the key") as refused:
        refuse_exposed(there, key_of(asked, asked, False), asked, {"negative_prompt": SECRET})
    assert SECRET not in str(refused.value)


def test_openai_and_the_providers_want_a_key_before_anything() -> None:
    openai = method("openai-images", url="https://api.openai.com/v1", model="gpt-image-2")
    (said,) = missing(openai)
    assert said is not None
    assert "OPENAI_API_KEY with the key is not set" in said
    (said,) = missing(method("hf-inference", model="org/model"))
    assert said is not None
    assert "HF_TOKEN with the key is not set" in said


def _everything(folder: Path) -> bytes:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.name == "manifest.json" for path in files)
    return b"".join(path.name.encode() + path.read_bytes() for path in files)


def told_with_the_key(status: int) -> Callable[[Asked], Reply | None]:
    """A server that repeats whatever key it was sent, in message and header."""

    def fault(asked: Asked) -> Reply | None:
        key = asked.headers["authorization"]
        if "above" not in asked.content["prompt"] and status != 307:
            return None
        reply = {"error": {"message": f"you sent {key}", "code": key}}
        return Reply(reply, status, {"Location": f"https://evil.example/{key}", "X-Key": key})

    return fault


@pytest.mark.parametrize(("status", "exit_status"), [(400, 2), (500, 2), (401, 2), (307, 2)])
def test_a_key_is_in_no_file_and_no_output(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    status: int,
    exit_status: int,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("PYTHONTRACEBACKLIMIT", "50")
    with serving(openai_like(told_with_the_key(status), models=("lab",))) as server:
        options = f"--set url={server.url} --set retries=1 --bench visor --limit 2"
        arguments = f"generate --method openai-images {options} --images-per-prompt 1".split()
        found = main([*arguments, "--out", os.fspath(tmp_path / "run")])
        assert all(one.headers["authorization"] == f"Bearer {SECRET}" for one in server.posts())
        assert server.posts()
    out, err = capfd.readouterr()
    assert found == exit_status, err
    assert "[key]" in err
    for text in (out, err, _everything(tmp_path).decode("latin-1")):
        assert "NobodyMaySee" not in text
