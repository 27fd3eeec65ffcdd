"""The class names against the list the official scorer compares with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spatialbench.detectors.unidet.labels import LABEL_SPACE, labels_of, read_labels
from spatialbench.errors import UserError
from tests.detectors import official


@official.needs_data
def test_every_label_is_the_official_one(tmp_path: Path) -> None:
    assert official.DATA is not None
    space = Path(official.DATA, "unidet_label_space.json")
    wanted = official.read(Path(official.DATA, "unidet_labels.json"))
    (tmp_path / LABEL_SPACE.name).write_bytes(space.read_bytes())
    assert list(read_labels(tmp_path, offline=True)) == wanted


def test_a_class_is_called_by_two_of_its_names_at_most() -> None:
    header = ["key", "oid_freebase", "oid_name", "objects365_name", "coco_name", "mapillary_name"]
    rows = [
        ["", "", "", "cup", "cup", ""],
        ["", "/m/1", "Cattle", "cow", "cow", ""],
        ["", "", "", "", "", "object--street-light"],
        ["", "/m/2", "Suitcase", "luggage", "trolley", ""],
    ]
    found = labels_of({"raw_data": [header, *rows]})
    assert found == ("cup", "cattle, cow", "street light", "suitcase, luggage")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not a label space"),
        ("[]", "is not a label space"),
        (json.dumps({"raw_data": [["key"]]}), "lists 0 classes, expected 722"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / LABEL_SPACE.name).write_text(content)
    with pytest.raises(UserError, match=message):
        read_labels(tmp_path, offline=True)


def test_offline_says_what_to_fetch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPATIALBENCH_CACHE", str(tmp_path / "cache"))
    with pytest.raises(UserError, match="spatialbench fetch unidet"):
        read_labels(tmp_path, offline=True)
