"""What a prompt transform did to a run's prompts: on disk, printed, and in the summary."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import UserError
from ..files.shown_text import counted
from ..plugins import Outcome, PromptTransform
from ..prompt_transforms import (
    IDENTITY_KEY,
    NONE,
    GivenTexts,
    applied,
    count_outcomes,
    is_given,
    transform_of,
)
from ..prompts import Prompt
from .files import write_if_other
from .imported import REWRITTEN
from .opening import Run
from .stored_texts import NAME, content, given_signature, read_texts, told_in_run


def record_sent_prompts(run: Run, transform: PromptTransform | None = None) -> str | None:
    """Write both forms of every expected prompt, and say in a sentence how many were rewritten.

    ``prompts.jsonl`` of the run directory has one line per prompt, in run order: ``prompt_id``,
    ``prompt_original``, ``prompt_sent``, ``outcome`` (rewritten, unchanged or unparsed) and
    ``rule``. It follows from the identity and the selection, and is written only where it differs.
    Given texts are there already, all of them: see ``stored_texts``.

    Args:
        transform: what rewrites the prompts, where it is here; None to look for it by its name.

    Returns:
        None, and no file, for a run without a transform.

    Raises:
        UserError: no space, no permission, or a transform this version does not have.
    """
    name = str(run.generator.get(IDENTITY_KEY) or NONE)
    if name == NONE:
        return None
    prompts = run.expected.prompts
    if (given := given_of_run(run)) is not None:
        return transform_sentence(given, prompts)
    transform = transform or transform_of(name)
    write_if_other(run.path / NAME, content(transform, prompts), run.path)
    return transform_sentence(transform, prompts)


def given_of_run(run: Run) -> GivenTexts | None:
    """The texts that a run's images were made from, where somebody gave them.

    Raises:
        UserError: they were altered.
    """
    signature = given_signature(run.generator)
    return None if signature is None else read_texts(run.path, signature, run.expected.all_prompts)


def sent_texts(run: Run) -> dict[str, str]:
    """By prompt id the text that an image was made from, where it is not the benchmark's.

    Empty where nothing was rewritten, or where nobody here can say into what.

    Raises:
        UserError: given texts that were altered.
    """
    name = run.generator.get(IDENTITY_KEY) or NONE
    if name == NONE:
        return {}
    prompts = run.expected.prompts
    texts = {prompt.id: prompt.text for prompt in prompts}
    if (given := given_of_run(run)) is not None:
        # A partial import says nothing of the prompts that it has no image of.
        told = {key: given.texts.get(key, text) for key, text in texts.items()}
        return {key: text for key, text in told.items() if text != texts[key]}
    try:
        transform = transform_of(str(name))
    except UserError:
        # Of a package or file that is not here now: the run says what it was sent.
        sent = told_in_run(run.path, texts)
    else:
        sent = {prompt.id: applied(transform, prompt)[0].text for prompt in prompts}
    return {prompt_id: text for prompt_id, text in sent.items() if text != texts[prompt_id]}


def is_rewritten(run: Run) -> bool:
    """Whether any image of a run was made from another text, as far as anybody said."""
    name = run.generator.get(IDENTITY_KEY) or NONE
    return name != NONE or bool(run.generator.get(REWRITTEN))


def rewritten_by(run: Run) -> str | None:
    """What rewrote a run's prompts, as its identity says it; None where nothing did."""
    if not is_rewritten(run):
        return None
    by = run.generator.get(IDENTITY_KEY) or NONE
    return str(by) if by != NONE else f"{run.generator[REWRITTEN]} by others"


def given_note(run: Run) -> list[str]:
    """The sentence of ``record_sent_prompts`` for the summary of a run with given texts, or none.

    Raises:
        UserError: they were altered.
    """
    given = given_of_run(run)
    if given is None:
        return []
    # Of imported images some prompts may be missing, and nobody knows what they were.
    prompts = [prompt for prompt in run.expected.prompts if prompt.id in given.texts]
    return [f"{transform_sentence(given, prompts)}."]


def transform_sentence(transform: PromptTransform, prompts: Sequence[Prompt]) -> str:
    """``prompt transform tore/1: 13 of 25 prompts rewritten, 12 unchanged, 0 not parsed``."""
    counts = count_outcomes(transform, prompts)
    unparsed = counts[Outcome.UNPARSED]
    own, lost = "", f", {unparsed:,} not parsed{' and sent as they are' if unparsed else ''}"
    if isinstance(transform, GivenTexts):
        lost = ""
        if not counts[Outcome.REWRITTEN]:
            own = "; these are the benchmark's own texts, so the run could be a plain one"
    return (
        f"prompt transform {transform.signature}: {counts[Outcome.REWRITTEN]:,} of "
        f"{counted(len(prompts), 'prompt')} rewritten, {counts[Outcome.UNCHANGED]:,} "
        f"unchanged{lost}; "
        f"judged by the original prompts{own}"
    )


def transform_note(prompts: Sequence[Prompt], name: str | None) -> list[str]:
    """The same sentence for a summary; nothing without a transform, or for given texts.

    Args:
        name: the transform as a signature has it; one of another version is only named.
    """
    if name is None or name == NONE or is_given(name):
        return []
    try:
        if ":" in name:
            raise UserError("a place, which only a user may name: files of runs import nothing")
        return [f"{transform_sentence(transform_of(name), prompts)}."]
    except UserError:
        return [f"prompt transform {name}, which this version does not have."]
