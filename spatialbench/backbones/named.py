"""From what ``--backbone`` names to the checkpoint that is meant: a name, a folder, a repository.

Nothing here loads a model or imports a heavy library.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from .. import plugins
from ..errors import UserError, unknown_name
from ..plugins import Backbone
from ..weights.hub import (
    HubSource,
    NoRepository,
    is_commit,
    is_repository,
    parse_source,
)
from ..weights.repository import newest
from .architecture import Architecture
from .checkpoint import Checkpoint, files_of, pipeline_weights
from .families import CLASSES, UNET, architecture_in, family_in, named
from .of_repository import described
from .pipeline_files import INDEX, no_pipeline
from .registry import BACKBONES, near, sources


def names() -> list[str]:
    """Every backbone that has a name: this package's, then those of other packages."""
    return [*BACKBONES, *(name for name in plugins.names("backbone") if name not in BACKBONES)]


def is_word(name: str) -> bool:
    """Whether a text can only be the name of a backbone: no folder, no repository, no plug-in."""
    return re.fullmatch(r"[\w.+-]+", name) is not None and not Path(name).exists()


def registered(name: str) -> Backbone:
    """The plug-in of a name.

    Raises:
        UserError: no such name (near matches listed), or a plug-in that is broken.
    """
    if name in BACKBONES:
        return BACKBONES[name]
    if name not in plugins.names("backbone"):
        raise unknown_name("backbone", name, names())
    return plugins.load("backbone", name)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A backbone as a command takes it, so that everything in it means the same commit.

    Attributes:
        name: for :func:`resolve`; with a commit where it is of the Hub.
        moving: what was given, if it named no commit; else None.
        told: where the commit is from; empty where one was given.
    """

    name: str
    moving: str | None = None
    told: str = ""

    def at(self, commit: str) -> Chosen:
        """The same name at another commit."""
        return replace(self, name=f"{self.moving}@{commit}")

    def moved_on(self, begun: str) -> str:
        """What to say where a run goes on that was begun with another commit."""
        return (
            f"{self.moving}: the commit with which this run was begun, {begun}; a new run would "
            f"take another now: --backbone {self.name}"
        )


def choose(name: str, *, offline: bool) -> Chosen:
    """What a user named, with the newest commit where it is of the Hub and names none.

    Raises:
        UserError: a repository that is not there, or that cannot be asked and is in no cache.
    """
    repo = _moving(name)
    if repo is None:
        return Chosen(name)
    source, told = _newest(repo, offline=offline)
    return Chosen(f"{name}@{source.revision}", name, told)


def resolve(name: str, *, offline: bool = False) -> Checkpoint:
    """A backbone by registered name, local diffusers folder, or repository.

    ``org/name@<40-hex commit>`` is that commit; ``org/name`` the newest, or the cache's where the
    Hub cannot be asked. ``path/to/file.py:NAME`` names a plug-in that no package registers.

    Raises:
        UserError: none of these (near matches listed), a branch or tag, or a repository or folder
            whose pipeline is not sampled here.
    """
    if name in BACKBONES:
        return checkpoint_of(BACKBONES[name], offline=offline)
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        found = _of_folder("local", folder)
        return _known_in_the_lab(found) or found
    if name and folder.is_file():
        raise no_pipeline(name, [folder.name])
    if re.search(r"\.py:\w+$", name) or re.fullmatch(r"[\w.]+:\w+", name):
        found = checkpoint_of(plugins.given("backbone", name), offline=offline)
        return replace(found, weights=replace(found.weights, fetched_as=name))
    if re.match(r"[./~]|\w:\\", name):
        raise UserError(f"there is no folder {name}; give a diffusers pipeline folder that exists.")
    if address := re.match(r"https?://[\w.]+/([\w.-]+/[\w.-]+)", name):
        raise UserError(
            f"{name} is the address of a page; give the repository: --backbone {address[1]}."
        )
    if is_repository(name):
        return _repository(_newest(name, offline=offline)[0], offline)
    short, _, commit = name.partition("@")
    if "/" not in short and is_commit(commit):
        return checkpoint_of(registered(short), commit, offline=offline)
    source = parse_source(name, newest=True)
    if source is None:
        return checkpoint_of(registered(name), offline=offline)
    return _repository(source, offline)


def own_dtype(name: str, *, offline: bool) -> str:
    """The type of numbers that a backbone is run with unless the user says otherwise.

    Args:
        name: as for ``resolve``. What is no backbone is refused elsewhere.
        offline: ask nobody.
    """
    try:
        return resolve(name, offline=offline).defaults.dtype or "float32"
    except UserError:
        return "float32"


def checkpoint_of(
    plugin: Backbone, commit: str | None = None, *, offline: bool = False
) -> Checkpoint:
    """What a plug-in stands for.

    Args:
        commit: of a repository that it names without one; None for the newest.

    Raises:
        UserError: a source that is a branch or tag, a commit where it has its own, or a pipeline
            or architecture that is not known.
    """
    family = named(plugin.pipeline)
    if plugin.folder is not None and plugin.architecture is None:
        found = _of_folder(plugin.name, Path(plugin.folder).expanduser())
        return replace(found, defaults=plugin.defaults or found.defaults)
    if family is None:
        raise unknown_name(f"pipeline of the backbone {plugin.name}", plugin.pipeline, CLASSES)
    kind = plugin.architecture
    if kind is not None and kind not in list(Architecture):
        raise unknown_name(f"architecture of the backbone {plugin.name}", kind, list(Architecture))
    if repo := _unpinned(plugin):
        source = HubSource(repo, commit) if commit else _newest(repo, offline=offline)[0]
        return _said_by_itself(plugin, source, offline)
    if commit is not None:
        repository = _source(plugin, plugin.sources[0]).repo if plugin.sources else "ORG/NAME"
        raise UserError(
            f"{plugin.name} has a commit of its own: leave '@{commit}' out, or give the repository "
            f"as --backbone {repository}@{commit}."
        )
    sources = tuple(_source(plugin, text) for text in plugin.sources)
    return Checkpoint(
        plugin.name,
        plugin.defaults or family.defaults,
        family,
        pipeline_weights(plugin.name, sources, plugin.folder, files_of(family)),
        None if kind is None else Architecture(kind),
    )


def _source(plugin: Backbone, text: str) -> HubSource:
    source = parse_source(text)
    if source is None:
        raise UserError(
            f"the backbone {plugin.name} has the source {text!r}: its plug-in gives "
            "org/name@<40 hex digits>, or org/name alone for the newest commit."
        )
    return source


def _unpinned(plugin: Backbone) -> str | None:
    """The repository of a plug-in that names no commit of it."""
    alone = [text for text in plugin.sources if is_repository(text)]
    return alone[0] if alone and len(plugin.sources) == 1 else None


def _moving(name: str) -> str | None:
    """The repository whose newest commit a name stands for; None where it stands for another
    thing, or for nothing."""
    if name in names():
        return _unpinned(registered(name))
    there = bool(name) and Path(name).expanduser().is_dir()
    return name if is_repository(name) and not there else None


def _newest(repo: str, *, offline: bool) -> tuple[HubSource, str]:
    """See ``weights.repository.newest``; a name that nobody has is told with its neighbours."""
    try:
        return newest(repo, offline=offline)
    except NoRepository as error:
        raise near(repo) or error from error


def _of_folder(name: str, folder: Path) -> Checkpoint:
    """A local diffusers folder: what its small files say of it.

    One that is damaged or no pipeline at all is refused when it is identified or loaded.
    """
    family = family_in(folder)
    weights = pipeline_weights(name, folder=folder, files=files_of(family))
    if name == "local" and not (folder / INDEX).is_file():
        held = [path.name for path in folder.iterdir()]
        weights = replace(weights, missing=str(no_pipeline(str(folder), held)))
    kind = architecture_in(folder)
    return Checkpoint(name, family.folder_defaults(folder), family, weights, kind)


def _known_in_the_lab(found: Checkpoint) -> Checkpoint | None:
    """The lab's backbone whose own weights, to the last byte, a folder holds; as it lies there."""
    for own in (BACKBONES["lab"], BACKBONES["lab-mmdit"]):
        known = checkpoint_of(own)
        if found.known_architecture is not known.known_architecture:
            continue
        try:
            if found.weights.identity()["weights"] == known.weights.identity()["weights"]:
                weights = pipeline_weights(known.name, folder=found.weights.folder)
                return replace(known, weights=weights)
        except UserError:
            continue
    return None


def _repository(source: HubSource, offline: bool) -> Checkpoint:
    """Of a repository that is known here, any commit has its kind and its guidance."""
    for plugin, text in sources():
        if text.partition("@")[0] != source.repo:
            continue
        if _unpinned(plugin):
            return replace(_said_by_itself(plugin, source, offline), name=source.repo)
        known = checkpoint_of(plugin)
        # A UNet's own size is the checkpoint's to say.
        defaults = known.defaults
        if not known.family.flow:
            defaults = replace(defaults, width=None, height=None)
        weights = pipeline_weights(source.repo, (source,))
        return replace(known, name=source.repo, defaults=defaults, weights=weights)
    plain = Backbone(source.repo, "", (source.repo,))
    return _said_by_itself(plain, source, offline)


def _said_by_itself(plugin: Backbone, source: HubSource, offline: bool) -> Checkpoint:
    """A commit of a repository by its own small files; where neither they nor the Hub can be had,
    by what the plug-in says. Loading refuses another kind then."""
    said = named(plugin.pipeline) or UNET
    weights = pipeline_weights(plugin.name, (source,), files=files_of(said))
    if plugin.name != source.repo:
        weights = replace(weights, fetched_as=f"{plugin.name}@{source.revision}")
    try:
        found = described(source, offline=offline)
    except NoRepository as error:
        raise near(source.repo) or error from error
    if found is None:
        return Checkpoint(plugin.name, plugin.defaults or said.defaults, said, weights)
    if plugin.name in BACKBONES and found.family != said:
        raise UserError(
            f"{source} is no {plugin.pipeline} any more: give an earlier commit of it, as "
            f"{plugin.name}@<40 hex digits>."
        )
    defaults = plugin.defaults or found.defaults
    if not found.family.flow:
        # Its own size is the checkpoint's to say.
        defaults = replace(defaults, width=None, height=None)
    weights = replace(weights, files=found.files)
    return Checkpoint(plugin.name, defaults, found.family, weights, found.architecture)
