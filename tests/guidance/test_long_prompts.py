"""A prompt whose objects no text encoder reads is refused before the first image."""

from __future__ import annotations

from pathlib import Path

import pytest

from spatialbench.errors import UserError
from spatialbench.methods.attend_and_excite import PLUGIN as ATTEND
from spatialbench.methods.infsplign import PLUGIN, RELEASED
from spatialbench.plugins import GenerationSettings, MethodPlugin
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import Relation
from tests.tiny_models import save_pipeline
from tests.tiny_sd3 import tiny_sd3

NEAR_BY = "a dog to the left of a cat"
FAR_AWAY = "a photo of a " + "hot " * 12 + NEAR_BY
"""The lab's encoder ends after 16 tokens."""


def asked(text: str) -> Prompt:
    return Prompt("7", text, "left", Triplet("dog", Relation.LEFT, "cat"))


@pytest.mark.parametrize("backbone", ["lab", "lab-mmdit"])
@pytest.mark.parametrize("method", [PLUGIN, ATTEND])
def test_it_is_refused_without_a_model(method: MethodPlugin, backbone: str) -> None:
    made = method.configure(GenerationSettings(backbone=backbone), {})
    assert list(made.about_prompts([asked(NEAR_BY)])) == []
    with pytest.raises(UserError, match="prompt 7: the object 'dog' lies beyond the 16 tokens"):
        made.about_prompts([asked(NEAR_BY), asked(FAR_AWAY)])


def test_the_authors_code_would_fail_on_it() -> None:
    made = RELEASED.configure(GenerationSettings(), {})
    with pytest.raises(UserError, match="finds no tokens"):
        made.about_prompts([asked(FAR_AWAY)])


def test_what_t5_reads_is_not_refused(tmp_path: Path) -> None:
    folder = str(save_pipeline(tiny_sd3(), tmp_path / "sd3"))
    for tokens, fine in (("clip", False), ("t5", True), ("both", False)):
        given = {"blocks": "1", "tokens": tokens}
        made = PLUGIN.configure(GenerationSettings(backbone=folder), given)
        if fine:
            made.about_prompts([asked(FAR_AWAY)])
            continue
        with pytest.raises(UserError, match="give --set tokens=t5"):
            made.about_prompts([asked(FAR_AWAY)])
