"""What ``doctor`` looks at, one function per subject."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version

from .. import plugins
from ..errors import UserError, blamed
from ..plugins import Detector, Judge
from ..plugins.evidence import Looking
from ..stages import canaries
from .cached import cached
from .findings import LOADS, Finding

_CORE = ("torch", "diffusers", "transformers", "peft", "numpy", "pandas", "pyarrow", "pillow")
_TRACKERS = ("wandb", "mlflow", "trackio")
_EXTRAS = {
    "ray": "ray",
    "yolo": "ultralytics",
    "mmdet": "mmdet",
    **{name: name for name in _TRACKERS},
}


def all_checks(record_canary: bool = False) -> list[Callable[[], list[Finding]]]:
    """Every check, the cheap ones first."""
    models = partial(_models, record_canary)
    return [_versions, _extras, _torchvision, _device, _cache, cached, _plugins, _lab, models]


def _versions() -> list[Finding]:
    found = [Finding("ok", "python", f"{platform.python_version()} on {platform.platform()}")]
    for package in ("spatialbench", *_CORE):
        number = _version(package)
        if number is None:
            detail = "not installed; install spatialbench again with its dependencies"
            found.append(Finding("broken", package, detail))
        else:
            found.append(Finding("ok", package, number))
    return found


def _extras() -> list[Finding]:
    found = []
    for extra, package in _EXTRAS.items():
        number = _version(package)
        if number is None:
            detail = f'pip install "spatialbench[{extra}]"'
            found.append(Finding("absent", f"extra {extra}", detail))
        else:
            found.append(Finding("ok", f"extra {extra}", f"{package} {number}"))
    return found


def _torchvision() -> list[Finding]:
    """A torchvision built for another torch breaks transformers and diffusers by its presence."""
    number = _version("torchvision")
    if number is None:
        return []
    try:
        import torchvision

        torchvision.ops.nms  # noqa: B018
    except Exception as error:
        detail = (
            f"{number} does not fit this torch ({error}): transformers and diffusers fail with it; "
            "pip uninstall torchvision, or install the build for your torch"
        )
        return [Finding("broken", "torchvision", " ".join(detail.split()))]
    return [Finding("ok", "torchvision", number)]


def _device() -> list[Finding]:
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        return [Finding("ok", "device", f"cuda: {', '.join(names)}")]
    return [Finding("ok", "device", f"cpu, {os.cpu_count()} cores; no cuda device for this torch")]


def _cache() -> list[Finding]:
    from huggingface_hub.constants import HF_HUB_CACHE

    from ..files.downloads import cache_folder

    found = []
    for what, folder in (("cache", cache_folder()), ("weights cache", HF_HUB_CACHE)):
        place = os.fspath(folder)
        existing = place
        while not os.path.exists(existing):
            existing = os.path.dirname(existing)
        if os.access(existing, os.W_OK):
            found.append(Finding("ok", what, place))
        else:
            variable = "SPATIALBENCH_CACHE" if what == "cache" else "HF_HUB_CACHE"
            detail = f"{place} is not writable; set {variable} to a folder that is"
            found.append(Finding("warning", what, detail))
    return found


def _plugins() -> list[Finding]:
    found = []
    for kind in plugins.KINDS:
        for name in plugins.names(kind):
            try:
                plugins.load(kind, name)
                found.append(Finding("ok", f"{kind} {name}", LOADS))
            except UserError as error:
                found.append(Finding("broken", f"{kind} {name}", str(error)))
    return found


def _lab() -> list[Finding]:
    from ..backbones.named import resolve

    try:
        label = resolve("lab").label()
    except UserError as error:
        return [Finding("broken", "lab weights", str(error))]
    return [Finding("ok", "lab weights", label)]


def _models(record_canary: bool) -> list[Finding]:
    kinds: tuple[Looking, ...] = ("detector", "judge")
    return [_model(kind, name, record_canary) for kind in kinds for name in plugins.names(kind)]


def model_check(
    kind: Looking, given: str, device: str | None = None, record_canary: bool = False
) -> list[Finding]:
    """Load one detector or judge, let it test itself, and have it look at images twice.

    Nothing is downloaded; a server is asked.
    """
    from ..api.choosing import configured_model
    from ..weights.devices import chosen_device

    what = f"{kind} {given}"
    try:
        with blamed(f"the {what}"):
            model = configured_model(kind, given, chosen_device(device), False)
            needed = model.requirements() if kind == "judge" else model.requirements(())
            lacking = [one for one in needed if one.missing]
            if lacking:
                lost = [(f"{what}, {one.what}", str(one.missing)) for one in lacking]
                return [Finding("broken", *one) for one in lost]
            model.load()
            found = [Finding("ok", f"{what}, weights", f"{model.signature()} loads")]
        found.append(_self_test(f"{what}, self-test", model, record_canary))
        found.append(_twice(f"{what}, twice", model))
        return found
    except UserError as error:
        return [Finding("broken", what, str(error))]


def _twice(what: str, model: Detector | Judge) -> Finding:
    """Whether it says the same of images when it is asked again."""
    try:
        if differs := canaries.differs_when_repeated(model):
            return Finding("warning", what, f"it {differs}")
        return Finding("ok", what, "the same of four images when asked again")
    except canaries.NotAnswered as error:
        return Finding("warning", what, f"not compared: {error}")
    except UserError as error:
        return Finding("broken", what, str(error))


def _model(kind: Looking, name: str, record_canary: bool) -> Finding:
    """Load the weights that are here, and let the detector or judge test itself."""
    what = f"{kind} {name}, self-test"
    try:
        plugin = plugins.load(kind, name)
    except UserError as error:
        return Finding("broken", what, str(error))
    try:
        model = plugin.configure(None, "cpu", True)
    except UserError as error:
        # It brings no weights of its own, and says how to give some.
        return Finding("absent", what, str(error))
    try:
        model.load()
        return _self_test(what, model, record_canary)
    except UserError as error:
        if plugin.is_fetched and "cache" in str(error):
            return Finding("absent", what, str(error))
        return Finding("broken", what, str(error))
    except Exception as error:  # of another package's plug-in: the other checks still go on
        return Finding("broken", what, f"{type(error).__name__}: {' '.join(str(error).split())}")


def _self_test(what: str, model: Detector | Judge, record_canary: bool) -> Finding:
    try:
        with blamed(f"the self-test of {model.signature()}"):
            said = f"{model.signature()}: {model.self_test()}"
        if not record_canary:
            compared = canaries.check(model)
            return Finding("ok", what, f"{said}; {compared}" if compared else said)
        try:
            return Finding("ok", what, f"{said}; kept {canaries.record(model)}")
        except canaries.NotAnswered as error:
            return Finding("warning", what, f"{said}; no canary kept: {error}")
    except UserError as error:
        return Finding("broken", what, str(error))


def backbone_check(
    backbone: str,
    width: int | None = None,
    height: int | None = None,
    dtype: str | None = None,
    device: str | None = None,
) -> list[Finding]:
    """Make images of a backbone alone and in a batch; nothing is downloaded."""
    from ..backbones.named import own_dtype
    from ..methods.batch_check import STEPS, TOLERANCE, check_batches
    from ..plugins import GenerationSettings
    from ..weights.devices import chosen_device

    what = f"backbone {backbone}, batches"
    try:
        settings = GenerationSettings(
            backbone,
            steps=STEPS,
            width=width,
            height=height,
            dtype=dtype or own_dtype(backbone, offline=True),
            device=chosen_device(device),
            offline=True,
        )
        found = check_batches(settings)
    except UserError as error:
        return [Finding("absent" if "cache" in str(error) else "broken", what, str(error))]
    told = f"three images alone and in a batch differ by {found.difference} of 255 grey levels"
    if not found.same:
        advice = "give --batch-size 1" if found.batched else "runs make one at a time"
        return [Finding("warning", what, f"{told}, more than {TOLERANCE}: {advice}")]
    limit = "" if found.batched else "; runs make one at a time all the same"
    return [Finding("ok", what, f"{told} (up to {TOLERANCE} is rounding){limit}")]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
