"""A stranger's backbone: by the name of its plug-in or by the file that it stands in."""

from __future__ import annotations

from pathlib import Path

import pytest

from spatialbench import plugins
from spatialbench.backbones.architecture import Architecture
from spatialbench.backbones.families import FLUX, UNET
from spatialbench.backbones.named import checkpoint_of, resolve
from spatialbench.errors import UserError
from spatialbench.plugins import Backbone, Defaults, GenerationSettings

COMMIT = "0123456789abcdef0123456789abcdef01234567"


pytestmark = pytest.mark.usefixtures("no_given_plugins")


def in_a_file(folder: Path, name: str, arguments: str) -> str:
    """The place of a plug-in in a file of its own."""
    file = folder / f"{name.replace('-', '_')}.py"
    file.write_text(
        "from pathlib import Path\nfrom spatialbench.plugins import Backbone, Defaults\n"
        f"MINE = Backbone({name!r}, 'somebody\\'s', {arguments})\n"
    )
    return f"{file}:MINE"


def test_one_in_a_folder_says_itself_what_it_is(sd_folder: Path, tmp_path: Path) -> None:
    mine = resolve(in_a_file(tmp_path, "mine", f"folder=Path({str(sd_folder)!r})"))
    same = resolve(str(sd_folder))
    assert (mine.name, same.name) == ("mine", "local")
    assert (mine.family, mine.defaults) == (UNET, same.defaults)
    assert mine.identity() == {**same.identity(), "name": "mine"}
    assert resolve("mine").identity() == mine.identity(), "from now on the name means it too"


def test_it_makes_the_images_of_its_folder(sd_folder: Path, tmp_path: Path) -> None:
    given = in_a_file(
        tmp_path, "quick", f"folder=Path({str(sd_folder)!r}), defaults=Defaults(steps=2, width=32)"
    )
    settings = (GenerationSettings(given), GenerationSettings(str(sd_folder), steps=2, width=32))
    quick, plain = (plugins.load("method", "sd").configure(one, {}) for one in settings)
    theirs = plain.identity()
    assert theirs.pop("backbone") != (own := quick.identity()).pop("backbone")
    assert own == {**theirs, "height": None}


def test_one_in_a_repository_says_what_cannot_be_read_yet() -> None:
    plugin = Backbone("far", "", (f"org/far@{COMMIT}",), pipeline="FluxPipeline")
    found = checkpoint_of(plugin)
    assert (found.family, found.defaults) == (FLUX, FLUX.defaults)
    assert found.identity() == {"name": "far", "source": "org/far", "revision": COMMIT}
    assert found.label() == "far@0123456"
    plain = checkpoint_of(Backbone("sd", "", (f"org/sd@{COMMIT}",), architecture="sd2"))
    assert (plain.family, plain.defaults) == (UNET, Defaults())
    assert plain.architecture(offline=True) is Architecture.SD2


@pytest.mark.parametrize(
    ("plugin", "message"),
    [
        (Backbone("x", "", ("org/x@main",)), "'org/x@main' is not pinned"),
        (Backbone("x", "", ("weights",)), "the backbone x has the source 'weights'"),
        (
            Backbone("x", "", (f"o/x@{COMMIT}",), pipeline="FluxPipelin"),
            "unknown pipeline of the backbone x 'FluxPipelin': did you mean FluxPipeline",
        ),
        (
            Backbone("x", "", (f"o/x@{COMMIT}",), architecture="sd3000"),
            "unknown architecture of the backbone x 'sd3000'",
        ),
    ],
)
def test_what_is_wrong_with_a_plugin_is_named(plugin: Backbone, message: str) -> None:
    with pytest.raises(UserError, match=message):
        checkpoint_of(plugin)
