"""A plug-in with a mistake in it is named, with the member or image, before anything counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from spatialbench import plugins
from spatialbench.errors import UserError
from tests.cli.conftest import Command
from tests.cli.conftest import spatialbench as spatialbench

METHOD = """
from PIL import Image
from spatialbench.plugins import Method, MethodPlugin, Parameter

class Mine(Method):
    def identity(self):
        return {{"method": "mine", "version": 1, "width": 8, "height": 8}}
    def load(self):
        {load}
    def generate(self, requests):
        images = [Image.new("RGB", (8, 8), (i + 1, 0, 0)) for i in range(len(requests))]
        {generate}

class Plugin(MethodPlugin):
    name = "mine"
    summary = "has a mistake"
    {members}
    def configure(self, settings, parameters):
        {configure}

PLUGIN = Plugin()
"""
SOUND = {"load": "pass", "generate": "return images", "members": "", "configure": "return Mine()"}

DETECTOR = """
from spatialbench.detections import Detections
from spatialbench.plugins import Detector, DetectorPlugin

class Mine(Detector):
    def identity(self):
        return {{"detector": "mine"}}
    def signature(self):
        return "mine@1"
    def load(self):
        pass
    def detect(self, images, labels):
        {detect}

class Plugin(DetectorPlugin):
    name = "mine"
    summary = "has a mistake"
    def configure(self, weights, device, offline):
        return Mine()

PLUGIN = Plugin()
"""

pytestmark = pytest.mark.usefixtures("no_given_plugins")


def method(**parts: str) -> str:
    path = Path("mine.py")
    path.write_text(METHOD.format(**{**SOUND, **parts}))
    return f"{path}:PLUGIN"


def painted(spatialbench: Command, **parts: str) -> str:
    """What is said of a run with such a method, which fails."""
    words = ("run", "--method", method(**parts), "--bench", "squares", "--limit", 2)
    outcome = spatialbench(*words, "--out", "run")
    assert outcome.status in (1, 2)
    return outcome.err


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ("paramters = {}", "did you mean parameters?"),
        ("parameters = {'a': 1}", "parameters = {'a': 1}: expected spatialbench.plugins.Param"),
        ("parameters = {'a': Parameter([1], 'x')}", "whose defaults are a text, a number"),
        ("step_factor = 'two'", "step_factor = 'two': expected a number"),
        ("name = 7", "has name = 7: expected what the user types: letters"),
        ("parameters = property(lambda self: 1 / 0)", "fails where its parameters is read"),
        ("fetch = 3", "has no function as fetch"),
    ],
)
def test_members(spatialbench: Command, members: str, said: str) -> None:
    error = painted(spatialbench, members=members)
    assert said in error
    assert "mine.py:PLUGIN" in error
    assert not Path("run").exists()


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (
            {"generate": "return images[1:]"},
            "the method mine returned 3 for 4 images (19/0, 19/1, 34",
        ),
        ({"generate": "return None"}, "returned a NoneType for 4 images"),
        ({"generate": "return ['x'] * len(images)"}, "/0 a str: expected a PIL image"),
        (
            {"generate": "return [i.convert('L') for i in images]"},
            "/0 an image in mode L: expected RGB",
        ),
        (
            {"generate": "return [i.resize((9, 8)) for i in images]"},
            "/0 9 x 8 pixels: expected 8 x 8 pixels",
        ),
        ({"configure": "return 3"}, "the method mine configures an int: expected an object of"),
    ],
)
def test_what_a_method_returns(spatialbench: Command, parts: dict[str, str], said: str) -> None:
    assert said in painted(spatialbench, **parts)


@pytest.mark.parametrize("where", ["load", "generate"])
def test_what_a_method_raises(
    spatialbench: Command, capsys: pytest.CaptureFixture[str], where: str
) -> None:
    """The traceback is the author's to read; what is printed before it says whose it is."""
    place = method(**{where: "raise ValueError('boom')"})
    with pytest.raises(ValueError, match="boom"):
        spatialbench("run", "--method", place, "--bench", "squares", "--limit", 2, "--out", "run")
    assert "error: raised by the method mine\n" in capsys.readouterr().err


def test_what_fails_before_there_is_a_method(spatialbench: Command) -> None:
    error = painted(spatialbench, configure="raise ValueError('boom')")
    assert "error: the method mine fails with ValueError: boom (" in error
    assert "mine.py, line " in error


def test_an_object_that_cannot_be_made(spatialbench: Command) -> None:
    """A class is taken for an object of it, whose constructor is the author's too."""
    place = method(members="def __init__(self): raise ValueError('no disk')")
    Path("mine.py").write_text(Path("mine.py").read_text().replace("PLUGIN = Plugin()", ""))
    words = ("run", "--method", place.replace("PLUGIN", "Plugin"), "--bench", "squares")
    outcome = spatialbench(*words)
    assert outcome.status == 2
    assert "Plugin cannot be made (ValueError: no disk)" in outcome.err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("mine.py", "unknown method 'mine.py'"),
        ("mine.py:", "'mine.py:' does not name an object: give path/to/file.py:NAME"),
        ("nowhere.py:PLUGIN", "there is no file nowhere.py"),
        ("mine.py:PLUGN", "did you mean PLUGIN"),
        ("no.such.module:PLUGIN", "no.such.module cannot be imported"),
    ],
)
def test_places_that_hold_nothing(spatialbench: Command, given: str, said: str) -> None:
    method()
    outcome = spatialbench("run", "--method", given, "--bench", "squares", "--limit", 2)
    assert outcome.status == 2
    assert said in outcome.err


@pytest.mark.parametrize(
    ("detect", "said"),
    [
        ("return []", "expected a list with one result per image. The images: 19/0, "),
        ("return [None] * len(images)", "mine@1, image 34/0: the detector returned a NoneType"),
        (
            "return [Detections.build([[0, 0, 3, 3]], [0.9], ['thing'], i.width, i.height)"
            " for i in images]",
            "'thing'",
        ),
        (
            "return [Detections.build([[3, 0, 1, 3]], [0.9], l[:1], i.width, i.height)"
            " for i, l in zip(images, labels)]",
            "ends before it begins",
        ),
        (
            "return [Detections.build([[0, 0, 3, 3]], [9], l[:1], i.width, i.height)"
            " for i, l in zip(images, labels)]",
            "has the score 9",
        ),
        (
            "return [Detections.build([[0, 0, 3, 3]], [0.9], l[:1], 9, 9)"
            " for i, l in zip(images, labels)]",
            "detections in an image of 9 x 9 pixels, and it has 64 x 64",
        ),
    ],
)
def test_what_a_detector_returns(spatialbench: Command, detect: str, said: str) -> None:
    Path("mine.py").write_text(DETECTOR.format(detect=detect))
    words = ("run", "--method", "painter", "--bench", "squares", "--limit", 2)
    outcome = spatialbench(*words, "--detector", "mine.py:PLUGIN", "--out", "run")
    assert outcome.status == 2, outcome.err
    assert said in outcome.err
    assert "mine@1" in outcome.err
    assert not Path("run/summary.json").exists()


def test_a_benchmark_is_checked_with_its_rules(plugin_package: Path) -> None:
    from coloured_squares.benchmark import CentreRule, Squares

    class Nameless(CentreRule):
        name = ""

    class High(CentreRule):
        threshold = 7

    class Misspelt(CentreRule):
        def for_promts(self) -> None: ...

    wrong = {
        "version": ("1", "version = '1': expected a whole number"),
        "images_per_prompt": (0, "images_per_prompt = 0: expected a whole number from 1 on"),
        "default_subset": ("most", "default_subset = 'most': expected the name of one of subsets"),
        "subset_detectors": ({"most": "owlvit"}, "subset_detectors = "),
        "subset_marks": ({"all": "reconstruction"}, "expected a list of marks by the name of"),
        "rewards": (plugins.RewardDefaults(subset="most"), "expected RewardDefaults"),
        "subset_rules": ({"all": "edge"}, "subset_rules = {'all': 'edge'}: expected the name of"),
        "detector": ("", "detector = ''"),
        "subset_names": ({"every": "most"}, "the name of one of subsets by what is typed for it"),
        "tables": ({"all": {"RIGHT": "all"}}, "tables = {'all': {'RIGHT': 'all'}}: expected"),
    }
    for member, (value, said) in wrong.items():
        found = type("Wrong", (Squares,), {member: value})()
        with pytest.raises(UserError, match="the benchmark 'squares'") as caught:
            plugins.members.checked(found, plugins.Benchmark, "the benchmark 'squares'")
        assert said in str(caught.value)
    for rule, said in (
        ({}, "rules = {}: expected spatialbench.plugins.Rule objects"),
        ({"a": object()}, "expected spatialbench.plugins.Rule objects"),
        ({"a": Nameless()}, "the rule 'a' of the benchmark 'squares' has name = ''"),
        ({"a": High()}, "has threshold = 7: expected a number from 0 to 1"),
        ({"a": Misspelt()}, "did you mean for_prompts?"),
    ):
        found = type("Wrong", (Squares,), {"rules": rule})()
        with pytest.raises(UserError) as caught:
            plugins.members.checked(found, plugins.Benchmark, "the benchmark 'squares'")
        assert said in str(caught.value)


def test_an_entry_point_of_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "renamed-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: renamed\nVersion: 1.0\n")
    entry = "[spatialbench.rules]\nother = spatialbench.scoring.rules.catalogue:PSE\n"
    (info / "entry_points.txt").write_text(entry)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UserError, match=r"'other' of the package renamed calls itself 'pse'"):
        plugins.load("rule", "other")


def test_a_name_out_of_a_file_imports_nothing(spatialbench: Command) -> None:
    """A run of somebody's may say any name: only what is installed or was given is looked up."""
    Path("evil.py").write_text("raise SystemExit('imported')\n")
    for kind in plugins.KINDS:
        with pytest.raises(UserError, match=f"unknown {kind}"):
            plugins.load(kind, "evil.py:PLUGIN")
    words = ("run", "--method", "painter", "--bench", "squares", "--limit", "2", "--out", "run")
    assert spatialbench(*words).status == 0
    records = Path("run/detections")
    (folder,) = records.iterdir()
    folder.rename(records / "evil.py:PLUGIN")
    for verb in ("status", "score"):
        assert "imported" not in spatialbench(verb, "run").err


@pytest.mark.parametrize("signature", ["evil.py:PLUGIN/1", "evil.py:PLUGIN"])
def test_a_transform_that_a_run_names_is_not_imported(tmp_path: Path, signature: str) -> None:
    from spatialbench.prompt_transforms import transform_of

    with pytest.raises(UserError, match="unknown prompt transform"):
        transform_of(signature)
