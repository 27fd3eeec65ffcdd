"""``spatialbench tag``: the noun phrases of prompts of one's own, for rules that ask about them."""

from __future__ import annotations

from pathlib import Path

import click

from ..api.console import say, stdout_reserved
from ..errors import UserError
from ..files.shown_text import counted
from ..prompt_transforms.tagging import DEFAULT_MODEL, table_of, table_text, tag


@click.command("tag")
@click.argument("prompts", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--model",
    default=DEFAULT_MODEL,
    show_default=True,
    help="The spaCy model: the name of an installed one, or its folder.",
)
def command(prompts: Path, model: str) -> None:
    """Find the noun phrases and parts of speech in PROMPTS, a file with one prompt per line.

    Needs the extra [spacy]. The table is written beside PROMPTS, as NAME.tags.jsonl.
    """
    from ..files.documents import LARGE, read_limited
    from ..runs.files import write_report

    try:
        texts = read_limited(prompts, LARGE).decode("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise UserError(
            f"the prompts {prompts} cannot be read ({error}): give a text file in UTF-8 with one "
            "prompt per line."
        ) from error
    texts = list(dict.fromkeys(text for text in texts if text.strip()))
    if not texts:
        raise UserError(f"{prompts} holds no prompt: expected one per line.")
    with stdout_reserved():
        made_with, found = tag(texts, model)
        path = table_of(prompts)
        write_report(path, table_text(made_with, found).encode())
    say(f"{counted(len(found), 'prompt')} tagged by {made_with}")
    click.echo(path)
