"""The pipelines' classes come without transformers' words about image processors, and with others.

Each case runs in a process of its own, for a warning is given once in each.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("transformers")

CODE = """
import logging, sys
from spatialbench.weights.loading import diffusers_class
assert diffusers_class("StableDiffusionPipeline").__name__ == "StableDiffusionPipeline"
assert diffusers_class("NoPipeline") is None
import transformers
print(transformers.CLIPImageProcessor.__name__, transformers.SiglipImageProcessor.__name__)
logging.getLogger("transformers.others").warning("another warning")
transformers.DPTImageProcessor
"""


def _said(code: str, torchvision: bool) -> tuple[str, str]:
    told = f"import transformers.utils as u; u.is_torchvision_available = lambda: {torchvision}\n"
    done = subprocess.run(
        [sys.executable, "-c", told + code], capture_output=True, text=True, check=True
    )
    return done.stdout, done.stderr


def test_nothing_is_said_of_torchvision_and_every_other_warning_is() -> None:
    from transformers.utils import is_torchvision_available

    if is_torchvision_available():
        pytest.skip("torchvision is installed here: nobody is told that it is not")
    out, err = _said(CODE, torchvision=False)
    assert out.split() == ["CLIPImageProcessorPil", "SiglipImageProcessorPil"]
    assert "another warning" in err
    assert "CLIPImageProcessor" not in err
    assert "SiglipImageProcessor" not in err
    assert "`DPTImageProcessor` requires torchvision" in err, "its warning is nobody's but its own"


def test_with_torchvision_its_own_classes_stay() -> None:
    code = """
import transformers
transformers.CLIPImageProcessor = transformers.SiglipImageProcessor = "torchvision's"
import spatialbench.weights.loading as loading, types, sys
sys.modules["diffusers"] = types.SimpleNamespace(FluxPipeline="it")
assert loading.diffusers_class("FluxPipeline") == "it"
print(transformers.CLIPImageProcessor)
"""
    assert _said(code, torchvision=True)[0].strip() == "torchvision's"
