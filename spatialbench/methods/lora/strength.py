"""How strongly a LoRA's layer counts: alpha, wherever the trainer left it, or a refusal.

In order: the layer's own alpha tensor; the adapter's configuration (``adapter_config.json``, or
``lora_adapter_metadata`` in the header); a number in the file's header; else alpha = rank, which is
what diffusers and kohya's scripts take where a file says nothing. Weights of peft without their
configuration say nothing and mean something, so they are refused.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import UserError

_INITS = (True, False, None, "gaussian", "eva", "orthogonal", "mica")
"""peft's initialisations that leave the base weights as they are. The others (PiSSA, OLoRA, CorDA,
LoftQ, LoRA-GA) subtract something from them, so that the adapter alone is not the training."""
_CHANGES = (
    *("use_dora", "use_qalora", "use_bdlora", "velora_config", "monteclora_config"),
    *("kasa_config", "arrow_config", "alora_invocation_tokens", "layer_replication"),
)
"""peft's options that make another layer than ``W x + alpha / rank * up (down x)``."""
_HEADER_ALPHAS = ("ss_network_alpha", "network_alpha", "lora_alpha", "alpha")
_HEADER_RANKS = ("ss_network_dim", "network_dim", "lora_rank", "rank", "dim", "r")


def require_plain(config: Mapping[str, Any], name: str) -> None:
    """Refuse the configuration of an adapter that is no plain LoRA on the backbone as it is.

    Raises:
        UserError: another kind, changed base weights, or an option that changes the layer.
    """
    kind = config.get("peft_type") or "LORA"
    if str(kind).rpartition(".")[2].upper() != "LORA":
        raise UserError(
            f"{name} is a {kind} adapter by its configuration, which is not read here; give a "
            "plain LoRA, or merge it into a copy of the backbone and give that with --backbone."
        )
    init = config.get("init_lora_weights", True)
    known = init.lower() if isinstance(init, str) else init
    if known not in _INITS:
        raise UserError(
            f"{name} was trained on changed base weights (init_lora_weights={init!r}), and would "
            "be wrong on this backbone: convert it with peft, "
            "save_pretrained(..., path_initial_model_for_weight_conversion=...), or merge it into "
            "a copy of the backbone."
        )
    for option in _CHANGES:
        if config.get(option):
            raise UserError(
                f"{name} uses peft's {option}, which is not read here; give a plain LoRA, or merge "
                "it into a copy of the backbone and give that with --backbone."
            )


def require_whole(config: Mapping[str, Any], name: str) -> None:
    """Refuse an adapter that has other trained values, which its file does not hold.

    Raises:
        UserError: whole modules, parameters or tokens were trained beside the LoRA's layers.
    """
    for option in ("modules_to_save", "target_parameters", "trainable_token_indices"):
        if value := config.get(option):
            raise UserError(
                f"{name} was trained with {option}={value!r}, which changes more than a LoRA's "
                "layers and is not read here; give a plain LoRA, or merge it into a copy of the "
                "backbone and give that with --backbone."
            )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a layer is.

    Attributes:
        file: what messages call the file.
        part: attribute of the pipeline.
        module: the full name there.
        written: its name in the file, where that is another.
    """

    file: str
    part: str
    module: str
    written: str = ""

    def __str__(self) -> str:
        return f"{self.part}.{self.module}"


def scaling(
    config: Mapping[str, Any] | None,
    header: Mapping[str, str],
    place: Place,
    alpha: Any,
    rank: int,
    *,
    of_peft: bool,
    convolved: bool = False,
) -> float:
    """What ``up @ down`` of a layer is multiplied by: alpha / rank, or alpha / sqrt(rank).

    Args:
        config: of the adapter, peft's names; None where there is none.
        header: the file's own notes, text by name.
        place: the layer.
        alpha: the layer's alpha, where the file has one: a number or a tensor of one.
        rank: rows of ``down``.
        of_peft: whether peft wrote it.
        convolved: whether the layer is a convolution of more than one pixel.

    Raises:
        UserError: an alpha that is lost; a rank or alpha that is not a number, is not finite, or
            contradicts the weights.
    """
    if config is not None:
        said = _number(_pattern(config, "rank_pattern", place, config.get("r", rank)), place)
        if said != rank:
            raise UserError(
                f"{place.file} has rank {rank} at {place}, and its configuration says {said:g}: "
                "the weights and the configuration are not of one LoRA; get an intact copy."
            )
    if alpha is None and config is not None:
        if "lora_alpha" not in config:
            raise UserError(
                f"{place.file} has no alpha at {place}, and its configuration has no lora_alpha; "
                "get an intact copy."
            )
        alpha = _pattern(config, "alpha_pattern", place, config["lora_alpha"])
    elif alpha is None:
        alpha = _header_alpha(header, place, rank, convolved)
        if alpha is None and of_peft:
            raise UserError(
                f"{place.file} was written by peft, and its alpha is lost: it is in the "
                "adapter_config.json that peft wrote beside it. Put that file into the same folder "
                f'(one with {{"r": {rank}, "lora_alpha": {rank}}} if alpha was the rank).'
            )
        alpha = rank if alpha is None else alpha
    factor = _number(alpha, place)
    if not (math.isfinite(factor) and factor >= 0):
        raise UserError(
            f"{place.file} says alpha {factor:g} for {place}, and no training uses a negative or "
            "infinite one; get an intact copy."
        )
    stable = (config or {}).get("use_rslora") or False
    if not isinstance(stable, bool):
        raise _no_number(place, f"use_rslora is {stable!r} and not true or false")
    return factor / (rank**0.5 if stable else rank)


def has_alpha(header: Mapping[str, str]) -> bool:
    """Whether a file's header says an alpha, for all of its layers or for those of a part."""
    return any(key.rpartition(".")[2] in _HEADER_ALPHAS for key in header)


def _header_alpha(
    header: Mapping[str, str], place: Place, rank: int, convolved: bool
) -> str | None:
    alpha, said = (_named(header, names, place.part) for names in (_HEADER_ALPHAS, _HEADER_RANKS))
    if alpha is None:
        return None
    if convolved:
        # kohya's scripts and LyCORIS keep the numbers of larger convolutions apart.
        try:
            extra = json.loads(header.get("ss_network_args") or "{}")
        except (ValueError, RecursionError):
            extra = {}
        if isinstance(extra, dict) and extra.get("conv_alpha") is not None:
            alpha, said = extra["conv_alpha"], extra.get("conv_dim")
    if said is not None and _number(said, place) != rank:
        raise UserError(
            f"{place.file} has rank {rank} and no alpha at {place}, and its header has an alpha "
            f"for rank {said} only; get the file as the trainer wrote it."
        )
    return alpha


def _named(header: Mapping[str, str], names: tuple[str, ...], part: str) -> str | None:
    """A note by any of its names, with or without the part before it; None where there is none."""
    for name in (*(f"{part}.{name}" for name in names), *names):
        if header.get(name) not in (None, "", "None"):
            return header[name]
    return None


def _number(value: Any, place: Place) -> float:
    try:
        value = value.item() if hasattr(value, "item") else value
        if isinstance(value, bool):
            raise TypeError(f"{value} is none")
        return float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise _no_number(place, error) from error


def _pattern(config: Mapping[str, Any], key: str, place: Place, default: Any) -> Any:
    """A module's own value in a peft pattern, else the default."""
    patterns = config.get(key) or {}
    if not isinstance(patterns, Mapping):
        raise _no_number(place, f"{key} is not an object")
    if not patterns:
        return default
    from peft.utils.other import get_pattern_key

    try:
        for name in (place.module, place.written):
            # The key of the pattern that fits, and the name itself where none does.
            if (found := get_pattern_key(list(patterns), name)) in patterns:
                return patterns[found]
        return default
    except (re.error, RecursionError, OverflowError, TypeError) as error:
        raise _no_number(place, error) from error


def _no_number(place: Place, reason: object) -> UserError:
    return UserError(
        f"{place.file}: the rank or alpha of {place} is not a number ({reason}); get another copy."
    )
