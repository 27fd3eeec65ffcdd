"""Readers of what clients of the reward server send: pickles and JSON, down to the verdict."""

from __future__ import annotations

import base64
import json
import pickle
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from PIL import Image

from spatialbench.detections import Detections
from spatialbench.plugins import Detector

from . import formats
from .inputs import changed_bytes, changed_json, json_file, near
from .reader import Read, Reader


class Everything(Detector):
    """Finds each asked object once, red."""

    has_colours = True

    def identity(self) -> dict[str, Any]:
        return {"detector": "everything"}

    def signature(self) -> str:
        return "everything@1"

    def load(self) -> None:
        return

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        return [
            Detections.build(
                [[0, 0, 5, 5]] * len(names),
                [0.95] * len(names),
                names,
                *image.size,
                ["red"] * len(names),
            )
            for image, names in zip(images, labels, strict=True)
        ]


@cache
def _rewarder() -> Any:
    from spatialbench.serve.rewarder import Rewarder

    rewarder = Rewarder.of("geneval", detector=Everything(), device="cpu")
    rewarder.load()
    return rewarder


def _answering(path: str) -> Read:
    def read(folder: Path) -> None:
        from spatialbench.serve.asked import Refused
        from spatialbench.serve.five_fields import rules_of_fields
        from spatialbench.serve.flow_factory import FlowFactory
        from spatialbench.serve.own_json import OwnJson
        from spatialbench.serve.pickled import Pickled
        from spatialbench.serve.protocol import require_small

        rewarder = _rewarder()
        rules = rules_of_fields(rewarder)
        known = (Pickled(rules, lambda rewards, strict: {}), FlowFactory(), OwnJson({}))
        (protocol,) = (one for one in known if one.path == path)
        question = protocol.read((folder / "body").read_bytes())
        answers = []
        for asked in question.asked:
            if isinstance(asked, Refused):
                raise asked
            require_small(asked.image, protocol.formats, 1 << 20)
            answers += rewarder.reward([rewarder.read(asked)], question.rules)
        for answer in answers:
            if isinstance(answer, Refused):
                raise answer
        question.reply(answers)

    return read


_LINE = {
    "tag": "position",
    "include": [
        {"class": "dog", "count": 1, "color": "red"},
        {"class": "cat", "count": 1, "position": ["left of", 0]},
    ],
    "exclude": [{"class": "cat", "count": 2}],
    "prompt": "a photo of a cat left of a red dog",
}
_TEXT = "a photo of a bench"


@cache
def _pickles() -> tuple[dict[str, Any], ...]:
    image = formats.image("JPEG")
    return (
        {"images": [image] * 2, "meta_datas": [_LINE, dict(_LINE)], "only_strict": True},
        {"images": [image], "prompts": [_TEXT], "metadata": {}},
        {"images": [image], "prompts": [json.dumps(_LINE)], "metadata": {}},
    )


def _changed_pickles(random: Random) -> bytes:
    return pickle.dumps(changed_json(random, random.choice(_pickles())), random.randrange(6))


def _changed_images(random: Random) -> bytes:
    images = [changed_bytes(random, formats.image(random.choice(("JPEG", "PNG", "WEBP"))))]
    return pickle.dumps({**random.choice(_pickles()[1:]), "images": images})


_WORDS = (
    *(b"(", b")", b"]", b"}", b"t", b"l", b"d", b"u", b"e", b"a", b"s", b"0", b"1", b"2", b"b"),
    *(b"R", b"\x85", b"\x86", b"\x87", b"\x8f", b"\x90", b"\x91", b"\x93", b"\x94", b"\x81", b"o"),
    *(b"N", b"\x88", b"K\x01", b"q\x00", b"h\x00", b"r\xff\xff\xff\xff", b"j\x00\x00\x00\x00"),
    *(b"\x8c\x06images", b"\x8c\x0ameta_datas", b"\x8c\x05numpy", b"\x8c\x05dtype", b"C\x02ab"),
    *(b"cos\nsystem\n", b"c_codecs\nencode\n", b"cnumpy\ndtype\n", b"\x8c\x02i4", b"\x8c\x02U1"),
    *(b"cnumpy._core.multiarray\nscalar\n", b"\x95\xff\x00\x00\x00\x00\x00\x00\x00", b"\x82\x01"),
    *(b"B\xff\xff\xff\x7f", b"\x8e\xff\xff\xff\xff\x00\x00\x00\x00", b"G\x7f\xf8" + bytes(6)),
)


def _programs(random: Random) -> bytes:
    """Of the words that requests and hostile pickles are made of."""
    start = random.choice((b"", b"\x80\x04", b"\x80\x05", b"\x80\x02]q\x00", b"\x80\x04}\x94("))
    return start + b"".join(random.choice(_WORDS) for _ in range(random.randrange(24))) + b"."


def _json(form: str) -> str:
    return base64.b64encode(formats.image(form)).decode()


def found() -> dict[str, Reader]:
    """Readers by name."""
    sound = tuple(pickle.dumps(one, number) for number, one in enumerate(_pickles(), 3))
    compute = {
        "prompt": [_TEXT],
        "image": [_json("PNG")],
        **dict.fromkeys(("video", "condition_images", "condition_videos")),
    }
    entries = [
        {"image": _json("PNG"), "prompt_id": "00000"},
        {"image": _json("WEBP"), "metadata": _LINE},
        {"image": _json("JPEG"), "prompt": _TEXT},
    ]
    own = [{"images": entries}, {"images": entries[1:2]}]
    return {
        "asked pickle": Reader(
            "body",
            near(sound, _changed_pickles, _changed_images, _programs),
            _answering("/"),
            sound,
        ),
        "asked compute": Reader(
            "body",
            json_file([compute]),
            _answering("/compute"),
            (json.dumps(compute).encode(),),
        ),
        "asked rewards": Reader(
            "body",
            json_file(own),
            _answering("/v1/rewards"),
            tuple(json.dumps(one).encode() for one in own),
        ),
    }
