"""What official tools leave beside their images, and names that others use: taken, or said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from spatialbench.benchmarks.geneval import PLUGIN as GENEVAL
from spatialbench.errors import UserError
from spatialbench.exchange.layouts import place, texts_of
from spatialbench.exchange.matching import Matching, match
from spatialbench.exchange.sources import open_source
from spatialbench.plugins.layout import Names, PassedOver
from spatialbench.prompts import Prompt
from spatialbench.runs.expected import expect
from spatialbench.runs.seeds import SeedScheme
from spatialbench.runs.selection import Selection

from .folders import SHAPES, image_bytes, names, put, write_folder


def passed_over(layout: str, folder: Path) -> set[str]:
    placed = place(layout, open_source(folder), names())
    assert not [where for where in placed.values() if isinstance(where, str)]
    assert sum(isinstance(where, tuple) for where in placed.values()) == 8
    return {name for name, where in placed.items() if isinstance(where, PassedOver)}


def test_what_genevals_scripts_leave(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f", "geneval")
    left: dict[str, bytes | str] = {
        "00000/grid.png": image_bytes(1),
        "00001/samples/00000_steps/00.png": image_bytes(2),
        "00001/samples/00000_steps/deep/er.jpg": image_bytes(2),
        "results.jsonl": "{}",
        "Thumbs.db": b"\0",
        "00002/desktop.ini": "",
    }
    assert passed_over("geneval", put(folder, left)) == set(left)


def test_what_t2i_compbenchs_scripts_leave(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f", "t2i-compbench")
    text = SHAPES.prompts("all")[0].text
    left: dict[str, bytes | str] = {
        f"{text}-grid-00000.png": image_bytes(1),
        f"samples/{text}-grid-0001.png": image_bytes(1),
        "labels/annotation_obj_detection_2d/vqa_result.json": "[]",
        "labels/vis/box.png": image_bytes(2),
        "samples/Thumbs.db": b"",
    }
    assert passed_over("t2i-compbench", put(folder, left)) == set(left)


def test_captions_beside_images_are_no_images(tmp_path: Path) -> None:
    folder = put(write_folder(tmp_path / "f", "visor"), {"1_0.txt": "a dog", "notes": "x"})
    assert passed_over("visor", folder) == {"1_0.txt", "notes"}


@pytest.mark.parametrize("suffix", ["gif", "bmp", "tiff", "avif", "HEIC"])
def test_images_that_are_not_read_are_never_passed_over(tmp_path: Path, suffix: str) -> None:
    folder = put(write_folder(tmp_path / "f", "visor"), {f"0_0.{suffix}": image_bytes(1)})
    assert "not an image that is read" in str(
        place("visor", open_source(folder), names())[f"0_0.{suffix}"]
    )


@pytest.mark.parametrize("count", [1, 2, 4, 10])
def test_running_numbers_count_with_the_images_a_prompt(tmp_path: Path, count: int) -> None:
    prompts = SHAPES.prompts("all")
    wanted = {
        f"samples/{prompt.text}_{line * count + k:06d}.png": (prompt.id, k)
        for line, prompt in enumerate(prompts)
        for k in range(count)
    }
    folder = put(tmp_path / "f", dict.fromkeys(wanted, b"x"))
    assert place("t2i-compbench", open_source(folder), Names(prompts, count)) == wanted


@pytest.mark.parametrize(("there", "asked"), [(4, 10), (1, 10), (10, 9), (9, 10), (10, 4)])
def test_another_number_of_images_a_prompt_is_named_and_shifts_nothing(
    tmp_path: Path, there: int, asked: int
) -> None:
    """Many numbers fit another prompt's range, or this one's at another index."""
    prompts = [Prompt(str(n), f"text {n}", "left") for n in range(12)]
    files = {
        f"{p.text}_{line * there + k:06d}.png": (line, k)
        for line, p in enumerate(prompts)
        for k in range(there)
    }
    folder = put(tmp_path / "f", dict.fromkeys(files, b"x"))
    placed = place("t2i-compbench", open_source(folder), Names(prompts, asked))
    for name, (line, k) in files.items():
        if line == 0 and k < asked:
            assert placed[name] == ("0", k)
        else:
            assert f"give --images-per-prompt {there}" in str(placed[name])


@pytest.mark.parametrize("count", [1, 2, 3])
def test_running_numbers_from_1_shift_nothing(tmp_path: Path, count: int) -> None:
    """The official script starts at the number of files that are in the folder already."""
    prompts = SHAPES.prompts("all")
    wanted = {
        f"samples/{prompt.text}_{line * count + k + 1:06d}.png": (prompt.id, k)
        for line, prompt in enumerate(prompts)
        for k in range(count)
    }
    source = open_source(put(tmp_path / "f", dict.fromkeys(wanted, b"")))
    assert place("t2i-compbench", source, Names(prompts, count)) == wanted


def test_prompts_with_one_text_go_by_their_numbers(tmp_path: Path) -> None:
    prompts = [Prompt(str(n), text, "left") for n, text in enumerate(["a", "b", "a"])]
    folder = put(tmp_path / "f", {"a_000000.png": b"", "b_000001.png": b"", "a_000002.png": b""})
    placed = place("t2i-compbench", open_source(folder), Names(prompts, 1))
    assert list(placed.values()) == [("0", 0), ("2", 0), ("1", 0)]


@pytest.mark.parametrize("numbers", [(42, 43), (1, 2), (7, 1000)])
@pytest.mark.parametrize("layout", ["geneval", "visor", "flat+csv"])
def test_numbers_from_elsewhere_are_refused_whole(
    tmp_path: Path, layout: str, numbers: tuple[int, int]
) -> None:
    """With images 1 and 2, the first would be taken for the second and the second be lost."""
    prompts = SHAPES.prompts("all")
    files: dict[str, bytes | str] = {}
    rows = ["file,prompt_id,index"]
    for prompt in prompts:
        for number in numbers:
            folder = f"0000{prompt.id}"
            name = {
                "geneval": f"{folder}/samples/{number:05d}.png",
                "visor": f"{prompt.id}_{number}.png",
                "flat+csv": f"{prompt.id}-{number}.png",
            }[layout]
            files[name] = b"x"
            rows.append(f"{name},{prompt.id},{number}")
            if layout == "geneval":
                files[f"{folder}/metadata.jsonl"] = json.dumps({"prompt": prompt.text})
    if layout == "flat+csv":
        files["images.csv"] = "\n".join(rows)
    placed = place(layout, open_source(put(tmp_path / "f", files)), names())
    said = f"every prompt's images are numbered {numbers[0]} to {numbers[1]}"
    assert len(placed) == 8
    for where in placed.values():
        assert said in str(where)
        assert "rename them 0 to 1" in str(where)


def test_one_prompt_numbered_from_1_is_refused_alone(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f", "visor")
    (folder / "2_0.png").rename(folder / "2_2.png")
    placed = place("visor", open_source(folder), names())
    assert "numbered 1 to 2" in str(placed["2_1.png"])
    assert "numbered 1 to 2" in str(placed["2_2.png"])
    assert placed["1_1.png"] == ("1", 1)


def test_names_by_the_prompts_text(tmp_path: Path) -> None:
    """As InfSplign's scripts write them; a text of two prompts says neither."""
    prompts = [Prompt(str(n), text, "left") for n, text in enumerate(["a b", "c", "c"])]
    folder = put(tmp_path / "f", {"a b_0.png": b"", "c_0.png": b"", "d_0.png": b""})
    placed = place("visor", open_source(folder), Names(prompts, 1))
    assert placed["a b_0.png"] == ("0", 0)
    assert placed["c_0.png"] == (
        "the text is that of several prompts: name it by its id, such as 1 and 2"
    )
    assert placed["d_0.png"] == "the benchmark has no prompt d"


# GenEval's own metadata


def official(prompt_id: str) -> dict[str, Any]:
    prompt = next(p for p in GENEVAL.prompts("all") if p.id == prompt_id)
    return dict(prompt.facts["metadata"])


def geneval(folder: Path, metadata: Mapping[str, Any]) -> tuple[Matching, int]:
    files: dict[str, bytes | str] = {}
    for number, (where, record) in enumerate(metadata.items()):
        for k in range(4):
            files[f"{where}/samples/{k:05d}.png"] = image_bytes(10 * number + k)
        if record is not None:
            files[f"{where}/metadata.jsonl"] = (
                record if isinstance(record, str) else json.dumps(record)
            )
    source = open_source(put(folder, files))
    expected = expect(GENEVAL, "all", Selection(), SeedScheme(known=False))
    judged = GENEVAL.judged_metadata
    known = Names(expected.all_prompts, 4, judged)
    texts = texts_of(source, known)
    report = match(source, place("geneval", source, known), expected, texts=texts)
    return report, report.rewritten


def test_texts_of_are_found_by_what_is_judged(tmp_path: Path) -> None:
    """Tasks of every kind, among them one with an exclude; a blank at the end is another text."""
    chosen = ["00000", "00090", "00200", "00300", "00400", "00500"]
    metadata = {
        number: official(number) | {"prompt": f"a bright image, {number}", "note": 1}
        for number in chosen
    }
    metadata["00001"] = official("00001") | {"prompt": official("00001")["prompt"] + " "}
    metadata["2"] = official("00002")
    report, rewritten = geneval(tmp_path / "f", metadata)
    assert {prompt_id for prompt_id, _ in report.matched} == {*chosen, "00001", "00002"}
    assert len(report.matched) == 32
    assert not report.misnamed
    assert rewritten == 7


def test_numbers_are_compared_as_numbers_and_null_is_nothing(tmp_path: Path) -> None:
    text = json.dumps(official("00200") | {"prompt": "another text"})
    position = json.dumps(official("00353") | {"prompt": "another", "exclude": None})
    metadata = {
        "00200": text.replace('"count": 3', '"count": 3.0').replace("4}", "4.0}"),
        "00353": position.replace(", 0]", ", 0.0]"),
        "00201": json.dumps(official("00201") | {"prompt": "x"}).replace('"count": ', '"count": 1'),
    }
    assert "3.0" in metadata["00200"]
    assert "0.0]" in metadata["00353"]
    report, rewritten = geneval(tmp_path / "f", metadata)
    assert {prompt_id for prompt_id, _ in report.matched} == {"00200", "00353"}
    assert rewritten == 2


def test_metadata_that_say_no_prompt_or_two(tmp_path: Path) -> None:
    metadata = {
        "00005": official("00005"),
        "00077": official("00012") | {"prompt": "another text"},
        "00210": official("00210") | {"include": [{"class": "apple", "count": 9}]},
        "00300": {"prompt": "an own text"},
        "00301": None,
        "00302": official("00302") | {"tag": "counting"},
        "x": official("00010"),
    }
    report, rewritten = geneval(tmp_path / "f", metadata)
    assert {prompt_id for prompt_id, _ in report.matched} == {"00005", "00010"}
    assert rewritten == 0
    said = {name.split("/")[0]: why for name, why in report.misnamed.items()}
    assert "are of prompt 00012 and its number is that of 00077" in said["00077"]
    assert "no prompt with the metadata" in said["00210"]
    assert "no tag and include" in said["00300"]
    assert said["00301"] == "00301/metadata.jsonl is missing"
    assert "no prompt with the metadata" in said["00302"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (json.dumps(official("00003")) + ",", "the first line of 00003/metadata.jsonl is no JSON"),
        (json.dumps(official("00003"), indent=1), "is no JSON"),
        ("", "00003/metadata.jsonl has no prompt"),
        ("[]", "00003/metadata.jsonl has no prompt"),
        ('{"tag": "single_object"}', "00003/metadata.jsonl has no prompt"),
    ],
)
def test_metadata_that_cannot_be_read(tmp_path: Path, written: str, said: str) -> None:
    report, _ = geneval(tmp_path / "f", {"00003": written})
    assert not report.matched
    assert all(said in why for why in report.misnamed.values())


def test_metadata_with_a_byte_order_mark(tmp_path: Path) -> None:
    marked = "\ufeff" + json.dumps(official("00003"))
    report, _ = geneval(tmp_path / "f", {"00003": marked})
    assert len(report.matched) == 4


@pytest.mark.parametrize("where", ["00000", "00001/samples"])
@pytest.mark.parametrize("outside", [True, False])
def test_a_linked_folder_is_refused_as_a_linked_file_is(
    tmp_path: Path, where: str, outside: bool
) -> None:
    folder = write_folder(tmp_path / "f", "geneval")
    target = (tmp_path if outside else folder) / "elsewhere"
    (folder / where).rename(target)
    (folder / where).symlink_to(target)
    with pytest.raises(UserError, match=f"holds '{where}', which is a link to a folder"):
        open_source(folder)


# images.csv
