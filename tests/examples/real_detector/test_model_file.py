"""The model's files: three ways to give them, packed weights, and everything that is refused."""

from __future__ import annotations

import json
import shutil
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from centernet_tfjs.model_file import read_model
from spatialbench.errors import UserError
from tests.examples.real_detector.tiny_graph import TinyModel, one_node, packed

HOW = "npm pack @vladmandic/human@3.3.6"


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """The JSON file of a small model."""
    model = TinyModel()
    model.const("a", [0.5, -2.0])
    model.const("b", [[1, 2, 3]])
    return model.write(tmp_path / "package" / "models")


def test_a_folder_an_archive_and_the_file_are_the_same_model(tmp_path: Path, written: Path) -> None:
    archive = packed(written.parent, tmp_path / "human.tgz")
    with zipfile.ZipFile(tmp_path / "human.zip", "w") as file:
        for path in written.parent.iterdir():
            file.write(path, f"package/models/{path.name}")
    ways = [archive, tmp_path / "human.zip", written, written.parent, tmp_path / "package"]
    models = [read_model(path) for path in [*ways, tmp_path]]
    assert {model.sha256 for model in models} == {models[0].sha256}
    for model in models:
        assert model.weights["a"].tolist() == [0.5, -2.0]
        assert model.weights["b"].tolist() == [[1, 2, 3]]
        assert [str(one.dtype) for one in model.weights.values()] == ["float32", "int32"]


def test_another_weight_or_node_is_another_model(tmp_path: Path) -> None:
    models = [one_node("Add", [np.array(1.0), np.array(2.0)], {})]
    models.append(one_node("Add", [np.array(1.0), np.array(2.5)], {}))
    models.append(one_node("Sub", [np.array(1.0), np.array(2.0)], {}))
    hashes = {read_model(model.write(tmp_path / str(i))).sha256 for i, model in enumerate(models)}
    assert len(hashes) == 3


@pytest.mark.parametrize(
    ("stored", "packing", "meant"),
    [
        ([0.5, -1.25], {"dtype": "float16"}, [0.5, -1.25]),
        ([0, 3, 255], {"dtype": "uint8", "scale": 0.5, "min": -2.0}, [-2.0, -0.5, 125.5]),
        ([0, 65535], {"dtype": "uint16", "scale": 2.0, "min": 1.0}, [1.0, 131071.0]),
    ],
)
def test_packed_weights(
    tmp_path: Path, stored: list[float], packing: dict[str, Any], meant: list[float]
) -> None:
    model = TinyModel()
    model.const("w", stored, packing)
    weights = read_model(model.write(tmp_path)).weights["w"]
    assert weights.dtype == np.float32
    assert weights.tolist() == meant


def _document(path: Path, change: Any) -> None:
    document = json.loads(path.read_text())
    change(document["weightsManifest"][0])
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda group: group["weights"].pop(), "12 bytes more than its weights take"),
        (lambda group: group["weights"][1].update(shape=[4]), "the weights end within 'b'"),
        (lambda group: group["weights"][1].update(shape=[10**12]), "the weights end within 'b'"),
        (lambda group: group["weights"][1].update(shape=[-3]), "shape"),
        (lambda group: group["weights"][1].update(dtype="complex64"), "'b' is of complex64"),
        (lambda group: group["weights"][0].pop("shape"), "KeyError: 'shape'"),
        (lambda group: group.update(paths=["../../secret"]), "leads out of it"),
        (lambda group: group.update(paths=["/etc/passwd"]), "leads out of it"),
        (lambda group: group.update(paths=["group1.bin", "gone.bin"]), "gone.bin"),
        (lambda group: group.update(paths=["group1.bin", 7]), "TypeError"),
    ],
)
@pytest.mark.parametrize("archive", [False, True])
def test_a_manifest_that_does_not_fit_its_weights(
    tmp_path: Path, written: Path, change: Any, message: str, archive: bool
) -> None:
    (tmp_path / "secret").write_bytes(b"0" * 20)
    _document(written, change)
    path = packed(written.parent, tmp_path / "human.tgz") if archive else written
    with pytest.raises(UserError, match=message):
        read_model(path)


def test_weights_that_are_cut_off_or_not_finite(tmp_path: Path, written: Path) -> None:
    shard = written.with_name("group2.bin")
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-1])
    with pytest.raises(UserError, match=f"the weights end within 'b'.*{HOW}"):
        read_model(written)
    written.with_name("group1.bin").write_bytes(np.array([np.nan, 0, 0], "<f4").tobytes()[:10])
    with pytest.raises(UserError, match="'a' is not finite"):
        read_model(written)


@pytest.mark.parametrize("name", ["nothing", "empty", "text.json", "list.json", "cut.tgz", "a.bin"])
def test_something_else_is_refused_with_where_to_get_it(
    tmp_path: Path, written: Path, name: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.json").write_text("no json")
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "a.bin").write_bytes(b"\0" * 100)
    cut = packed(written.parent, tmp_path / "cut.tgz")
    cut.write_bytes(cut.read_bytes()[:-40])
    with pytest.raises(UserError) as caught:
        read_model(tmp_path / name)
    if name not in ("cut.tgz", "a.bin"):
        assert HOW in str(caught.value)


def test_an_archive_with_two_models_or_with_a_link(tmp_path: Path, written: Path) -> None:
    shutil.copytree(written.parent, written.parent / "again")
    with pytest.raises(UserError, match="has 2 files centernet"):
        read_model(packed(written.parent, tmp_path / "two.tgz"))
    with tarfile.open(tmp_path / "link.tgz", "w:gz") as file:
        link = tarfile.TarInfo("package/models/centernet.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(link)
    with pytest.raises(UserError, match="a link or a device"):
        read_model(tmp_path / "link.tgz")


def test_weights_behind_a_link_are_not_read(tmp_path: Path, written: Path) -> None:
    shard = written.with_name("group2.bin")
    shard.rename(tmp_path / "elsewhere")
    shard.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="symbolic link"):
        read_model(written)
