"""Alpha is found wherever a trainer left it, and an adapter on changed weights is refused."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from spatialbench.errors import UserError
from spatialbench.methods.lora.adaptation import adapt
from spatialbench.methods.lora.layers import layers_of
from spatialbench.methods.lora.lora_file import LoraContent, find_lora, read_lora
from tests.methods.lora.lora_files import (
    Pair,
    change_json,
    kohya,
    random_lora,
    save_by_peft,
    write,
)
from tests.methods.lora.test_layouts import check, unet_output


@pytest.fixture(scope="module")
def pairs(unet: Any) -> dict[str, Pair]:
    return random_lora(unet, ("to_q", "to_k"))


@pytest.fixture(scope="module")
def by_peft(unet: Any, pairs: dict[str, Pair], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_by_peft(copy.deepcopy(unet), pairs, tmp_path_factory.mktemp("peft"))


@pytest.fixture
def folder(by_peft: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(by_peft, tmp_path / "lora"))


def without_alpha(pairs: dict[str, Pair]) -> dict[str, Any]:
    return {key: value for key, value in kohya(pairs).items() if not key.endswith(".alpha")}


def loaded(unet: Any, source: Path) -> Any:
    return layers_of(read_lora(find_lora(str(source))), {"unet": unet}, source.name)


@pytest.mark.parametrize("init", ["pissa", "pissa_niter_4", "olora"])
def test_adapters_on_changed_base_weights_are_refused(
    unet: Any, pairs: dict[str, Pair], tmp_path: Path, init: str
) -> None:
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=4, lora_alpha=4, target_modules=list(pairs), init_lora_weights=init)
    live = get_peft_model(copy.deepcopy(unet), config)
    live.save_pretrained(tmp_path)
    with pytest.raises(UserError, match=f"changed base weights .*{init}.*weight_conversion"):
        loaded(unet, tmp_path)


@pytest.mark.parametrize("init", [True, "gaussian", "orthogonal"])
def test_other_starts_are_loaded_to_what_was_trained(
    unet: Any, pairs: dict[str, Pair], tmp_path: Path, init: Any
) -> None:
    from peft import LoraConfig, get_peft_model

    live = copy.deepcopy(unet)
    config = LoraConfig(r=4, lora_alpha=7, target_modules=list(pairs), init_lora_weights=init)
    wrapped = get_peft_model(live, config)
    with torch.no_grad():
        for name in pairs:
            wrapped.base_model.model.get_submodule(name).lora_B["default"].weight += 0.1
    trained = unet_output(live)
    wrapped.save_pretrained(tmp_path)
    done = adapt({"unet": unet}, loaded(unet, tmp_path))
    try:
        torch.testing.assert_close(unet_output(unet), trained, atol=1e-6, rtol=1e-5)
    finally:
        done.remove()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"init_lora_weights": "corda"}, "changed base weights"),
        ({"init_lora_weights": "loftq"}, "changed base weights"),
        ({"init_lora_weights": "lora_ga"}, "changed base weights"),
        ({"init_lora_weights": "of next year"}, "changed base weights"),
        ({"peft_type": "LOHA"}, "is a LOHA adapter"),
        ({"peft_type": "ADALORA"}, "is a ADALORA adapter"),
        ({"use_dora": True}, "use_dora"),
        ({"use_qalora": True}, "use_qalora"),
        ({"layer_replication": [[0, 1]]}, "layer_replication"),
        ({"alora_invocation_tokens": [1]}, "alora_invocation_tokens"),
        ({"lora_alpha": None}, "is not a number"),
        ({"lora_alpha": True}, "is not a number"),
        ({"lora_alpha": [7]}, "is not a number"),
        ({"lora_alpha": 1e999}, "says alpha inf"),
        ({"lora_alpha": 0}, "changes none"),
    ],
)
def test_configurations_that_are_refused(
    unet: Any, folder: Path, changes: dict[str, Any], said: str
) -> None:
    change_json(folder / "adapter_config.json", **changes)
    with pytest.raises(UserError, match=said):
        adapt({"unet": unet}, loaded(unet, folder))


def test_a_configuration_without_alpha_is_refused(unet: Any, folder: Path) -> None:
    (folder / "adapter_config.json").write_text('{"r": 4}')
    with pytest.raises(UserError, match="its configuration has no lora_alpha"):
        loaded(unet, folder)


def test_weights_of_peft_without_their_configuration_are_refused(
    unet: Any, pairs: dict[str, Pair], folder: Path
) -> None:
    config = folder / "adapter_config.json"
    config.unlink()
    with pytest.raises(UserError, match=r"its alpha is lost.*adapter_config\.json") as refused:
        loaded(unet, folder)
    # What the message says to type has to work.
    typed = str(refused.value).partition("(one with ")[2].partition(" if ")[0]
    config.write_text(json.dumps(json.loads(typed) | {"lora_alpha": 7}))
    check(folder, {"unet": unet}, "unet", unet_output, pairs)


HEADERS = [
    {"alpha": "7", "rank": "4"},
    {"ss_network_alpha": "7.0", "ss_network_dim": "4"},
    {"lora_alpha": "7"},
    {"network_alpha": "7", "network_dim": "4"},
    {"unet.lora_alpha": "7", "unet.r": "4"},
    {"ss_network_alpha": "None", "alpha": "7"},
]


@pytest.mark.parametrize("header", HEADERS)
def test_an_alpha_that_only_the_header_has(
    unet: Any, pairs: dict[str, Pair], tmp_path: Path, header: dict[str, str]
) -> None:
    file = write(tmp_path / "a.safetensors", without_alpha(pairs), header)
    check(file, {"unet": unet}, "unet", unet_output, pairs)
    assert find_lora(str(file)).identity()["reading"] == 2, "0.1 took the rank for it"


def test_the_module_s_own_alpha_goes_before_the_header_s(
    unet: Any, pairs: dict[str, Pair], tmp_path: Path
) -> None:
    file = write(tmp_path / "a.safetensors", kohya(pairs), {"ss_network_alpha": "1"})
    check(file, {"unet": unet}, "unet", unet_output, pairs)
    assert "reading" not in find_lora(str(file)).identity()


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"ss_network_alpha": "7", "ss_network_dim": "8"}, "an alpha for rank 8 only"),
        ({"ss_network_alpha": "Dynamic"}, "is not a number"),
        ({"alpha": "nan"}, "says alpha nan"),
    ],
)
def test_a_header_that_does_not_help(
    unet: Any, pairs: dict[str, Pair], header: dict[str, str], said: str
) -> None:
    content = LoraContent(without_alpha(pairs), header=header)
    with pytest.raises(UserError, match=said):
        layers_of(content, {"unet": unet})


def test_a_model_that_saved_its_own_adapter(
    unet: Any, pairs: dict[str, Pair], tmp_path: Path
) -> None:
    """diffusers writes the names of the configuration without the part before them."""
    from peft import LoraConfig

    live = copy.deepcopy(unet)
    live.add_adapter(LoraConfig(r=4, lora_alpha=7, target_modules=list(pairs)))
    with torch.no_grad():
        for name, pair in pairs.items():
            layer = live.get_submodule(name)
            layer.lora_A["default"].weight.copy_(pair.down)
            layer.lora_B["default"].weight.copy_(pair.up)
    live.save_lora_adapter(tmp_path, adapter_name="default")
    check(tmp_path, {"unet": unet}, "unet", unet_output, pairs)
    assert find_lora(str(tmp_path)).identity()["reading"] == 2


def test_another_adapter_s_configuration_is_not_used(
    unet: Any, pairs: dict[str, Pair], folder: Path
) -> None:
    plain = {name: Pair(pair.down, pair.up, 4.0) for name, pair in pairs.items()}
    file = write(folder / "mine.safetensors", without_alpha(plain))
    assert find_lora(str(file)).config is None
    check(file, {"unet": unet}, "unet", unet_output, plain)
    # peft's own weights under another name still are.
    renamed = (folder / "adapter_model.safetensors").rename(folder / "renamed.safetensors")
    check(renamed, {"unet": unet}, "unet", unet_output, pairs)


def test_folders_of_dreambooth_scripts(
    unet: Any, pairs: dict[str, Pair], folder: Path, tmp_path: Path
) -> None:
    outer = tmp_path / "outer"
    shutil.copytree(folder, outer / "unet")
    check(outer, {"unet": unet}, "unet", unet_output, pairs)
    shutil.copytree(folder, outer / "text_encoder")
    with pytest.raises(UserError, match=r"unet and text_encoder.*--set lora=\S+/unet\.$"):
        find_lora(str(outer))
    check(outer / "unet", {"unet": unet}, "unet", unet_output, pairs)
