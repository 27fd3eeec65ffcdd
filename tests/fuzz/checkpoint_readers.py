"""Readers of weights: torch's own files and safetensors."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from . import formats
from .inputs import changed_json, dumped, near, noise, value
from .reader import Read, Reader, json_reader


def _checkpoint(file: str) -> Read:
    def read(folder: Path) -> None:
        import torch

        from spatialbench.weights.state_dicts import fit, read_checkpoint

        state = read_checkpoint(folder / file, "state_dict")
        fit(torch.nn.Linear(2, 2), state, "the model")

    return read


def _tensors() -> dict[str, Any]:
    import torch

    return {"weight": torch.zeros(2, 2), "bias": torch.ones(2)}


def _strange_states(random: Random) -> bytes:
    import torch

    kinds = (torch.float32, torch.int64, torch.complex64, torch.bool, torch.bfloat16)
    sizes = ((2, 2), (2,), (0,), (), (2, 2, 1))
    state: dict[Any, Any] = {
        name: random.choice(
            (
                torch.zeros(random.choice(sizes), dtype=random.choice(kinds)),
                torch.full((2,), float("nan")),
                torch.zeros(2, 2).to_sparse(),
                torch.zeros(2, 2, device="meta"),
                value(random),
            )
        )
        for name in random.choice((("weight", "bias"), ("weight",), (1, "bias"), ()))
    }
    return formats.torch_file(random.choice((state, {"state_dict": state}, [state], value(random))))


_PROGRAM = b"".join(
    (
        *(b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n", b"((X\x07\x00\x00\x00storage"),
        *(b"ctorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQK\x00K\x02", b"."),
    )
)
_WORDS = (
    *(b"cos\nsystem\n", b"cposix\nsystem\n", b"cbuiltins\neval\n", b"c__builtin__\nexec\n"),
    *(b"X\x05\x00\x00\x00touch", b"\x85R", b"R", b"(", b")", b"}", b"]", b"t", b"u", b"s", b"."),
    *(b"ctorch\nload\n", b"ctorch._utils\n_rebuild_tensor_v2\n", b"K\x01", b"N", b"\x88", b"Q"),
    *(b"ccollections\nOrderedDict\n", b"q\x00", b"h\x00", b"b", b"\x81", b"o", b"i", b"0", b"2"),
)


def _programs(random: Random) -> bytes:
    """Pickle programs of the words that hostile ones are made of."""
    start = random.choice((b"\x80\x02", b"\x80\x04", _PROGRAM[:-1], b""))
    program = start + b"".join(random.choice(_WORDS) for _ in range(random.randrange(12)))
    return random.choice((formats.with_pickle, bytes))(program + b".")


def _headers(random: Random) -> bytes:
    header = {
        "weight": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
        "bias": {"dtype": "F32", "shape": [2], "data_offsets": [16, 24]},
        "__metadata__": {"format": "pt"},
    }
    return formats.safetensors(changed_json(random, header), bytes(24))


def _saved_safetensors() -> bytes:
    from safetensors.torch import save

    return bytes(save(_tensors(), {"format": "pt"}))


def _lora(folder: Path) -> None:
    from spatialbench.methods.lora.lora_file import find_lora, read_lora

    read_lora(find_lora(str(folder / "lora" / "lora.safetensors")))


def _lora_tensors() -> dict[str, Any]:
    import torch

    key = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.lora_{}.weight"
    return {key.format(side): torch.ones(2, 2) for side in "AB"}


def _saved_lora() -> bytes:
    from safetensors.torch import save

    return bytes(save(_lora_tensors(), {"lora_adapter_metadata": '{"unet.r": 2}'}))


def _lora_headers(random: Random) -> bytes:
    header: dict[str, dict[str, Any]] = {
        "unet.a.lora_A.weight": {"dtype": "F16", "shape": [2, 2], "data_offsets": [0, 8]},
        "__metadata__": {"lora_adapter_metadata": '{"unet.r": 2}'},
    }
    if random.randrange(2):
        inner = changed_json(random, {"unet.r": 2, "unet.lora_alpha": 4})
        header["__metadata__"] = {"lora_adapter_metadata": dumped(inner).decode()}
        header["unet.a.lora_A.weight"]["dtype"] = random.choice(_DTYPES)
        return formats.safetensors(header, noise(random, 30))
    return formats.safetensors(changed_json(random, header), bytes(8))


_DTYPES = ("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2", "I64", "U8", "BOOL", "C64", "F4")


def _lora_folder(folder: Path) -> None:
    (folder / "lora").mkdir()
    (folder / "lora" / "lora.safetensors").write_bytes(_saved_lora())


def _unet_configuration(folder: Path) -> None:
    from spatialbench.methods.compass.weights import check_fit

    check_fit(folder / "fine-tuned", folder / "base")


_UNET = {"_class_name": "UNet2DConditionModel", "in_channels": 4, "cross_attention_dim": 768}


def _base_unet(folder: Path) -> None:
    for name in ("base/unet", "fine-tuned"):
        (folder / name).mkdir(parents=True)
    (folder / "base" / "unet" / "config.json").write_bytes(dumped(_UNET))


def _model_type(folder: Path) -> None:
    from spatialbench.weights.origin import require_model_type

    require_model_type(folder, "owlvit", "OwlViTForObjectDetection")


def _backbone_defaults(folder: Path) -> None:
    from spatialbench.backbones.named import resolve

    resolve(str(folder / "model"))


def _backbone_beside(folder: Path) -> None:
    for part in ("unet", "vae"):
        (folder / "model" / part).mkdir(parents=True)
    vae = {"block_out_channels": [1, 2, 3, 4]}
    (folder / "model" / "vae" / "config.json").write_bytes(dumped(vae))


def _unet_beside(folder: Path) -> None:
    _backbone_beside(folder)
    (folder / "model" / "unet" / "config.json").write_text('{"sample_size": 64}')


@cache
def found() -> dict[str, Reader]:
    """By name."""
    config = {"r": 4, "lora_alpha": 8, "target_modules": ["to_q"], "rank_pattern": {}}
    return {
        "lora": Reader(
            "lora/lora.safetensors", near([_saved_lora()], _lora_headers), _lora, (_saved_lora(),)
        ),
        "lora configuration": json_reader(
            [config], file="lora/adapter_config.json", read=_lora, prepare=_lora_folder
        ),
        "unet configuration": json_reader(
            [_UNET], file="fine-tuned/config.json", read=_unet_configuration, prepare=_base_unet
        ),
        "model type": json_reader([{"model_type": "owlvit"}], file="config.json", read=_model_type),
        "backbone's unet": json_reader(
            [{"sample_size": 64}, {"sample_size": [64, 96]}],
            file="model/unet/config.json",
            read=_backbone_defaults,
            prepare=_backbone_beside,
        ),
        "backbone's vae": json_reader(
            [{"block_out_channels": [1, 2, 3, 4]}],
            file="model/vae/config.json",
            read=_backbone_defaults,
            prepare=_unet_beside,
        ),
        "pth": Reader(
            "weights.pth",
            near([formats.torch_file(_tensors())], _strange_states, _programs),
            _checkpoint("weights.pth"),
            (formats.torch_file(_tensors()), formats.torch_file({"state_dict": _tensors()})),
        ),
        "safetensors": Reader(
            "weights.safetensors",
            near([_saved_safetensors()], _headers),
            _checkpoint("weights.safetensors"),
            (_saved_safetensors(),),
        ),
    }
