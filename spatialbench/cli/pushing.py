"""``spatialbench push``: a run as a data set of the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path

import click

from ..api import choosing
from ..api.console import progress, say, stdout_reserved
from ..api.publishing import planned_push, push
from .parsing import RunFolder


@click.command("push")
@click.argument("run", type=RunFolder())
@click.argument("repo", metavar="ORG/NAME")
@click.option("--private", is_flag=True, help="A new data set is visible to its owner only.")
@click.option(
    "--replace", is_flag=True, help="Also over a data set that holds another run or other files."
)
@click.option("--dry-run", is_flag=True, help="Only print what would be uploaded; ask nobody.")
def command(run: Path, repo: str, private: bool, replace: bool, dry_run: bool) -> None:
    """Upload RUN to the data set ORG/NAME: what 'export --layout hub' writes.

    Needs a token that may write: 'hf auth login', or the variable HF_TOKEN. The same command again
    goes on after an interruption, and changes nothing after a whole upload.
    """
    opened = choosing.existing_run(run)
    if dry_run:
        with stdout_reserved():
            upload = planned_push(opened, repo, private, progress())
        seen = "private, if it is new" if private else "public, if it is new"
        partial = " (PARTIAL)" if upload.images < upload.expected else ""
        click.echo(f"data set  {repo} ({seen})")
        click.echo(f"images    {upload.images:,} of {upload.expected:,}{partial}")
        click.echo(f"files     {upload.files} beside them: card, table, summary, results")
        click.echo(f"size      {upload.bytes / 1e6:,.1f} MB")
        click.echo(f"token     {'there' if upload.token else 'none: type hf auth login first'}")
        return
    with stdout_reserved():
        address = push(opened, repo, private=private, replace=replace, progress=progress())
    say("uploaded; the card is README.md, where you choose a license")
    click.echo(address)
