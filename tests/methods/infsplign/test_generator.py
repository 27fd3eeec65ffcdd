"""The plug-in: its identity, its defaults by backbone, and images from a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spatialbench.backbones.architecture import Architecture
from spatialbench.errors import UserError
from spatialbench.methods.infsplign import PLUGIN, RELEASED
from spatialbench.methods.infsplign.presets import PRESETS
from spatialbench.plugins import GenerationSettings, ImageRequest
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import Relation
from tests.imported_modules import imported_by
from tests.methods.batches import assert_same_but_for_rounding
from tests.methods.infsplign.golden import SWEEP
from tests.tiny_models import save_pipeline, sharpened, tiny_sd, tiny_sdxl


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    target = tmp_path_factory.mktemp("backbone")
    return str(save_pipeline(sharpened(tiny_sd()), target))


def requests_of(prompts: list[Prompt], index: int = 0) -> list[ImageRequest]:
    return [ImageRequest(prompt, index, seed=42 + i) for i, prompt in enumerate(prompts)]


def test_importing_the_plugin_imports_nothing_heavy() -> None:
    code = "from spatialbench.methods.infsplign import PLUGIN; PLUGIN.parameters"
    assert not {"torch", "diffusers", "transformers", "numpy"} & imported_by(code)


def test_golden_identity() -> None:
    identity = PLUGIN.configure(GenerationSettings(backbone="sd1.4"), {}).identity()
    assert (identity["method"], identity["version"]) == ("infsplign", 2)
    assert identity["marks"] == ["corrected"]
    assert identity["parameters"] == {
        **SWEEP,
        "near": "none",
        "window": [0, 50],
    }
    assert identity["scheduler"]["name"] == "ddpm-trailing"
    assert (identity["steps"], identity["guidance_scale"]) == (50, 7.5)


def test_golden_identity_of_the_released_method() -> None:
    identity = RELEASED.configure(GenerationSettings(backbone="sd1.4"), {}).identity()
    assert (identity["method"], identity["version"]) == ("infsplign-released", 1)
    assert "marks" not in identity
    assert identity["parameters"] == {
        **SWEEP,
        "near": "apart",
        "window": [0, 50],
    }


def test_compat_official_keeps_the_run_id_it_had_in_01() -> None:
    """A literal made by 0.1: ``run --method infsplign --set compat=official`` on the lab."""
    from spatialbench.runs.identity import run_id

    generator = PLUGIN.configure(GenerationSettings(), {"compat": "official"})
    identity = generator.identity()
    assert (identity["method"], identity["version"]) == ("infsplign", 1)
    assert "marks" not in identity
    assert run_id({"generator": identity}) == "6cfe5773262a"


def test_what_an_identity_without_marks_is_marked_as() -> None:
    """Version 1 with ``compat=none`` was the corrected method, and unmarked."""
    assert PLUGIN.marks_of is not None
    assert PLUGIN.marks_of({"compat": "none"}) == ("corrected",)
    assert PLUGIN.marks_of({"compat": "official"}) == ()


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("plugin", [PLUGIN, RELEASED], ids=lambda plugin: str(plugin.name))
def test_sdxl_has_50_steps_in_every_preset(
    plugin: Any, preset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The named one, a repository that turns out to be one, and a folder that says so."""

    def asked(source: Any, family: Any, *, offline: bool) -> Architecture:
        return Architecture.SDXL

    monkeypatch.setattr("spatialbench.backbones.checkpoint.repository_architecture", asked)
    folder = save_pipeline(tiny_sdxl(), tmp_path / "xl")
    other = f"somebody/like-sdxl@{'0' * 40}"
    for backbone in ("sdxl", other, str(folder)):
        sampling = plugin.configure(GenerationSettings(backbone), {"preset": preset}).sampling
        assert (sampling.steps, sampling.scheduler.name) == (50, "ddpm-trailing")
    steps = plugin.configure(GenerationSettings("sdxl", steps=30), {"preset": preset})
    assert steps.sampling.steps == 30


def test_what_it_says_of_prompts_before_the_first_image(mixed: list[Prompt]) -> None:
    corrected = PLUGIN.configure(GenerationSettings(), {})
    assert corrected.about_prompts(mixed[:2]) == []
    (sentence,) = corrected.about_prompts(mixed)
    assert sentence.startswith(
        "infsplign: 1 of 3 prompts ask for 'near' and get no spatial term: presence and balance "
        "act alone (--set near=apart"
    )
    behind = Prompt("7", "a dog behind a cat", "b", Triplet("dog", Relation.BEHIND, "cat"))
    with pytest.raises(UserError, match="prompt 7 asks for 'behind', which infsplign cannot"):
        corrected.about_prompts([*mixed, behind])
    released = RELEASED.configure(GenerationSettings(), {})
    (sentence,) = released.about_prompts([*mixed, behind])
    assert sentence.startswith("infsplign-released: 1 of 4 prompts ask for 'behind' and get no")
    for generator in (corrected, released):
        with pytest.raises(UserError, match=r"prompt 8 .* names no relation of two objects"):
            generator.about_prompts([Prompt("8", "a dog and a cat", "and")])
    absent = Prompt("9", "cats near a dog", "near", Triplet("cat", Relation.NEAR, "dog"))
    with pytest.raises(UserError, match=r"prompt 9 .* does not contain both"):
        corrected.about_prompts([absent])


def test_released_and_compat_official_make_the_same_images(
    folder: str, mixed: list[Prompt]
) -> None:
    settings = GenerationSettings(backbone=folder, steps=2)
    released = RELEASED.configure(settings, {}).generate(requests_of(mixed))
    compat = PLUGIN.configure(settings, {"compat": "official"}).generate(requests_of(mixed))
    assert [p.tobytes() for p in released] == [p.tobytes() for p in compat]


def test_a_preset_brings_its_steps_and_the_user_overrules_them() -> None:
    thesis = PLUGIN.configure(GenerationSettings(backbone="sd2.1-base"), {"preset": "thesis"})
    assert thesis.identity()["steps"] == 500
    assert thesis.identity()["parameters"]["window"] == [0, 125]
    asked = GenerationSettings(backbone="sd2.1-base", steps=40, scheduler="ddim")
    identity = PLUGIN.configure(asked, {"preset": "thesis"}).identity()
    assert (identity["steps"], identity["scheduler"]["name"]) == (40, "ddim")
    assert identity["parameters"]["window"] == [0, 10]


def test_the_lab_keeps_its_own_steps_and_scheduler() -> None:
    from spatialbench.backbones.named import resolve

    method: Any = PLUGIN.configure(GenerationSettings(), {"preset": "thesis"})
    sampling = method.sampling
    lab = resolve("lab").defaults
    assert (sampling.steps, sampling.scheduler.name) == (lab.steps, lab.scheduler)


def test_images_of_mixed_prompts_do_not_depend_on_the_batch(
    folder: str, mixed: list[Prompt]
) -> None:
    settings = GenerationSettings(backbone=folder, steps=4)
    generator = PLUGIN.configure(settings, {"end": 2})
    together = generator.generate(requests_of(mixed))
    again = generator.generate(requests_of(mixed))
    alone = generator.generate(requests_of(mixed)[1:2])
    assert [p.tobytes() for p in together] == [p.tobytes() for p in again]
    assert (together[0].mode, together[0].size) == ("RGB", (32, 32))
    assert_same_but_for_rounding(together[1], alone[0])


def test_guidance_off_gives_the_images_of_sd(folder: str, mixed: list[Prompt]) -> None:
    from spatialbench.methods.stable_diffusion import PLUGIN as SD

    settings = GenerationSettings(backbone=folder, steps=3, scheduler="ddim")
    off = PLUGIN.configure(settings, {"end": 0}).generate(requests_of(mixed))
    plain = SD.configure(settings, {}).generate(requests_of(mixed))
    on = PLUGIN.configure(settings, {}).generate(requests_of(mixed))
    assert [p.tobytes() for p in off] == [p.tobytes() for p in plain]
    assert [p.tobytes() for p in on] != [p.tobytes() for p in plain]


def test_sdxl_from_a_folder(tmp_path: Path, mixed: list[Prompt]) -> None:
    folder = save_pipeline(sharpened(tiny_sdxl()), tmp_path / "sdxl")
    settings = GenerationSettings(backbone=str(folder), steps=2, scheduler="euler")
    (image,) = PLUGIN.configure(settings, {}).generate(requests_of(mixed[:1]))
    assert image.size == (32, 32)


def test_no_request_is_no_image(folder: str) -> None:
    assert PLUGIN.configure(GenerationSettings(backbone=folder), {}).generate([]) == []


def test_a_prompt_that_cannot_be_guided_is_named(folder: str, mixed: list[Prompt]) -> None:
    generator: Any = PLUGIN.configure(GenerationSettings(backbone=folder, steps=1), {})
    bad = Prompt("77", "a dog and a cat", "and")
    with pytest.raises(UserError, match="prompt 77"):
        generator.generate(requests_of([mixed[0], bad]))
