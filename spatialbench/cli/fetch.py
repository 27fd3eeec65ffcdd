"""``spatialbench fetch``: weights and prompt files, before a machine goes offline."""

from __future__ import annotations

from pathlib import Path

import click

from .. import plugins
from ..api.console import say
from ..errors import unknown_name


@click.command("fetch")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def command(names: tuple[str, ...]) -> None:
    """Download what NAME needs into the cache.

    NAME is a backbone (a name of 'list backbones', org/name for the newest commit, or
    org/name@commit), a depth model, a network of 'quality' (fid-inception, cmmd-clip), or any other
    plug-in that downloads something, such as a
    detector or a benchmark.
    The folders are printed, one per line.
    """
    for name in names:
        folders = _fetch(name)
        if not folders:
            say(f"{name} needs no download.")
        for folder in folders:
            click.echo(folder)


def _fetch(name: str) -> list[Path]:
    from ..backbones.named import choose, names, resolve
    from ..stages.depth_model import DEPTH_MODELS
    from ..stages.quality.networks import NETWORKS
    from ..stages.quality.networks import fetch as fetch_network

    backbones = names()
    if name.partition("@")[0] in backbones or "/" in name:
        chosen = choose(name, offline=False)
        if chosen.told:
            say(chosen.told)
        return [resolve(chosen.name).weights.fetch()]
    known = list(backbones)
    for kind in plugins.KINDS:
        available = plugins.names(kind)
        known += available
        if name in available:
            plugin = plugins.load(kind, name)
            if plugin.licence:
                say(f"{name}: {plugin.licence}.")
            return list(plugin.fetch())
    if name in DEPTH_MODELS:
        return DEPTH_MODELS[name].fetch()
    if name in NETWORKS:
        return fetch_network(name)
    raise unknown_name("backbone or plug-in", name, [*known, *DEPTH_MODELS, *NETWORKS])
