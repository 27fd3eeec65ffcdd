"""The parameters of the method: their defaults, their meaning, and what they must satisfy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from ...backbones.families import UNET, Family
from ...errors import UserError, unknown_name
from ...guidance import several
from ...guidance.several import FIRST, RELATIONS
from ...guidance.windows import Window, read_window
from ...plugins import Ability, Parameter
from ...plugins.parameters import read_parameters
from . import joint_settings
from .activations import NAMES
from .joint_settings import JointSettings, take_joint
from .layers import BOTH, read_layers, terms_of
from .presets import BACKBONE_PARAMETERS, DEFAULT, PRESETS, Preset
from .turns import END, SATISFIED, UNTIL
from .variants import COMPAT, CORRECTED, JOINT, NEAR, RELEASED, Variant

HYSTERESIS = 0.05

PARAMETERS: Mapping[str, Parameter] = {
    "preset": Parameter(DEFAULT, f"published settings to start from: {', '.join(PRESETS)}"),
    "loss": Parameter("gelu", f"activation of the spatial loss: {', '.join(NAMES)}"),
    "alpha": Parameter(1.5, "steepness of the spatial loss"),
    "margin": Parameter(0.25, "displacement to reach, as a share of the image's side"),
    "slope": Parameter(0.05, "slope of leaky_relu below zero"),
    "weight": Parameter(1000.0, "weight of the gradient that is added to the noise"),
    "lambda_spatial": Parameter(0.5, "weight of the spatial term"),
    "lambda_presence": Parameter(1.0, "weight of both maps' variances at the coarse level"),
    "lambda_balance": Parameter(1.0, "weight of the variances' difference at the other levels"),
    "orthogonal": Parameter(
        0.0, "weight of the displacement across the relation (thesis 1; its code 0.5 at power 2)"
    ),
    "orthogonal_power": Parameter(2, "1 or 2: power of that displacement"),
    "threshold": Parameter(
        "none",
        "mean: drop map values below their mean; soft: on a transformer, the authors' SD3 file; "
        "none: keep all",
    ),
    "layers": Parameter(
        BOTH,
        "what to read: both (coarse and mid), coarse, mid, fine (decoder block 3), all; or single "
        "layers as block.layer, such as 1.2+2.1",
    ),
    "start": Parameter("0", "first guided step: a step number, or a share such as 0.1 or 10%"),
    "end": Parameter("100%", "first step no longer guided: likewise"),
    "until": Parameter(
        END,
        "end: guide all of the window; satisfied: an image is guided only while its displacement "
        "is not enough",
    ),
    "hysteresis": Parameter(
        HYSTERESIS,
        "with until=satisfied: how far beyond the margin a displacement is enough; guided again "
        "below the margin",
    ),
    "near": Parameter(
        CORRECTED.near,
        "near, next to and on side of: none (no spatial term), apart (the authors' code: until the "
        "margin), sides (thesis: near and on side of as left, next to as right)",
    ),
    "relations": several.PARAMETER,
    "compat": Parameter(
        "none", "official: the method infsplign-released, for runs of 0.1 that began so"
    ),
    "checkpointing": Parameter(
        False, "recompute activations: a fifth of their memory, a fifth slower"
    ),
    **joint_settings.PARAMETERS,
}

_OURS = ("compat", "relations", "until", "hysteresis")
"""What the authors' code does not have."""

RELEASED_PARAMETERS: Mapping[str, Parameter] = {
    key: replace(parameter, default=RELEASED.near) if key == "near" else parameter
    for key, parameter in PARAMETERS.items()
    if key not in _OURS and key not in joint_settings.PARAMETERS
}
"""What ``infsplign-released`` takes."""

_CHOICES = {
    "preset": tuple(PRESETS),
    "loss": NAMES,
    "threshold": ("none", "mean", "soft"),
    "near": NEAR,
    "relations": RELATIONS,
    "until": UNTIL,
    "compat": ("none", "official"),
}


@dataclass(frozen=True, slots=True)
class GuidanceSettings:
    """Checked parameters of one run; ``PARAMETERS`` says what each means."""

    variant: Variant
    preset: str
    loss: str
    alpha: float
    margin: float
    slope: float
    weight: float
    lambda_spatial: float
    lambda_presence: float
    lambda_balance: float
    orthogonal: float
    orthogonal_power: int
    threshold: str
    layers: str
    near: str
    window: Window
    checkpointing: bool
    relations: str = FIRST
    until: str = END
    hysteresis: float = HYSTERESIS
    joint: JointSettings | None = None

    def identity(self) -> dict[str, Any]:
        """All that decides pixels, plain JSON.

        Not the preset's name, only its values. Not ``checkpointing``: recomputation repeats the
        same operations, so it may be switched on to finish a run. Not ``relations``, which decide
        nothing where a prompt has one: see ``guidance.several``.
        """
        values = asdict(self)
        for key in ("variant", "preset", "checkpointing", "window", "relations", "joint"):
            del values[key]
        if self.until == END:
            del values["until"], values["hysteresis"]
        if self.joint is not None:
            del values["layers"]
            values |= self.joint.identity()
            if self.threshold == "soft" and self.joint.grid == "canvas64":
                # Plain "soft" was the threshold of the map before it was resized.
                values["threshold"] = "soft on the canvas"
        if self.variant.names_compat:
            if self.near == self.variant.near:
                del values["near"]
            values["compat"] = "official"
        return values | {"window": [self.window.start, self.window.end]}


def preset_of(given: Mapping[str, Any]) -> Preset:
    """The preset that ``--set`` names, or the default one.

    Raises:
        UserError: there is no such preset.
    """
    name = given.get("preset", DEFAULT)
    if name not in PRESETS:
        raise unknown_name("preset of infsplign", str(name), PRESETS)
    return PRESETS[name]


def read_settings(
    given: Mapping[str, Any],
    backbone: str,
    steps: int,
    variant: Variant = CORRECTED,
    family: Family = UNET,
) -> GuidanceSettings:
    """Settings from ``--set`` over the backbone's values over the preset's.

    Args:
        given: what the user set, as text or values.
        backbone: what kind of backbone it is; see ``Architecture``.
        steps: sampling steps of the run, which the guided window is measured against.
        variant: the method; ``compat=official`` makes the corrected one ``COMPAT``, and a
            transformer ``JOINT``.
        family: of the backbone.

    Raises:
        UserError: an unknown parameter, a value out of range, or values that contradict.
    """
    preset = preset_of(given)
    user = dict(given)
    declared = RELEASED_PARAMETERS if variant is RELEASED else PARAMETERS
    if variant is CORRECTED and user.get("compat") == "official":
        variant = COMPAT
    below: dict[str, Any] = {"near": variant.near}
    on_transformer = Ability.JOINT_ATTENTION in family.abilities
    if on_transformer:
        variant = JOINT
        declared = joint_settings.with_defaults(declared)
        below |= joint_settings.DEFAULTS
    inherited = {**below, **preset.parameters, **BACKBONE_PARAMETERS.get(backbone, {})}
    loss = user.get("loss", inherited.get("loss"))
    values = read_parameters(
        variant.name, declared, {**inherited, **preset.by_loss.get(str(loss), {}), **user}
    )
    for key in values.keys() & _CHOICES.keys():
        if values[key] not in _CHOICES[key]:
            raise unknown_name(f"{key} of {variant.name}", values[key], _CHOICES[key])
    values.pop("compat", None)
    if variant is COMPAT and values["until"] != END:
        raise UserError(
            f"infsplign: compat=official guides as the authors' code does, which does not stop: "
            f"leave out --set until={values['until']}."
        )
    if variant.released:
        values["relations"] = FIRST
    joint = take_joint(values, user, joint=on_transformer, tokens=family.words)
    if joint is None and values["threshold"] == "soft":
        raise UserError(
            "infsplign: threshold=soft is what the authors do on SD3, and this backbone is a "
            "UNet: give --set threshold=mean or leave it out."
        )
    values["layers"] = read_layers(values["layers"])
    _check_preset_knows_loss(values, preset, user)
    _check_ranges(values)
    _check_contradictions(values, user)
    window = read_window(values.pop("start"), values.pop("end"), steps)
    presence, balance = terms_of(values["layers"])
    if not balance:
        values["lambda_balance"] = 0.0
    if not presence:
        values["lambda_presence"] = 0.0
    return GuidanceSettings(variant=variant, window=window, joint=joint, **values)


def _check_preset_knows_loss(
    values: Mapping[str, Any], preset: Preset, given: Mapping[str, Any]
) -> None:
    missing = [key for key in ("alpha", "margin") if key not in given]
    if preset.by_loss and values["loss"] not in preset.by_loss and missing:
        raise UserError(
            f"the preset {values['preset']!r} has no {' and '.join(missing)} for the loss "
            f"{values['loss']!r} (only for {', '.join(preset.by_loss)}); add "
            f"{' '.join(f'--set {key}={PARAMETERS[key].default}' for key in missing)}."
        )


def _check_ranges(values: Mapping[str, Any]) -> None:
    ranges = {
        "alpha": (values["alpha"] > 0, "a number above 0"),
        "margin": (0 <= values["margin"] <= 1, "a number from 0 to 1"),
        "slope": (0 <= values["slope"] <= 1, "a number from 0 to 1"),
        "hysteresis": (0 <= values.get("hysteresis", 0) <= 1, "a number from 0 to 1"),
        "orthogonal_power": (values["orthogonal_power"] in (1, 2), "1 or 2"),
    }
    for key in ("weight", "lambda_spatial", "lambda_presence", "lambda_balance", "orthogonal"):
        ranges[key] = (values[key] >= 0, "0 or more")
    for key, (fine, expected) in ranges.items():
        if not fine:
            raise UserError(
                f"{key}={values[key]:g} is out of range for infsplign: give {expected} "
                f"(default {PARAMETERS[key].default:g})."
            )


def _check_contradictions(values: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Refuse a parameter the user set that the other parameters make void."""
    presence, balance = terms_of(values["layers"])
    void = {
        "slope": (values["loss"] != "leaky_relu", "only the loss leaky_relu has a slope"),
        "orthogonal_power": (not values["orthogonal"], "orthogonal is 0"),
        "hysteresis": (values.get("until") != SATISFIED, "until is not satisfied"),
        "lambda_balance": (
            not balance and bool(values["lambda_balance"]),
            f"balance acts beyond the coarse level, and layers is {values['layers']}",
        ),
        "lambda_presence": (
            not presence and bool(values["lambda_presence"]),
            f"presence acts at the coarse level, and layers is {values['layers']}",
        ),
    }
    for key, (is_void, reason) in void.items():
        if key in given and is_void:
            raise UserError(
                f"infsplign: {key}={given[key]} would have no effect, because {reason}; leave out "
                f"--set {key}, or change the other."
            )
