"""``README.md`` of a data set: what it holds, how it was measured, the table, what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ...files.shown_text import counted, inert_line, markdown_text
from ...reports.scored import ScoredRun
from ...reports.single import summary_report
from ...runs.imported import REWRITTEN, rewritten_note
from ...runs.names import slug
from .eval_results import made_on

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"))
_LARGER = "100K<n<1M"
_SHOWN = 10


def card(
    scored: ScoredRun,
    images: int,
    missing: Sequence[Mapping[str, Any]],
    repo: str | None,
    kept: Mapping[str, Any],
) -> str:
    """The whole card.

    Names of methods and prompts come from anybody: in the body they are shown and obeyed by
    nothing, in the front matter they are quoted.

    Args:
        images: how many are in the folder.
        missing: records of the expected images that are not.
        repo: ``ORG/NAME``, where it is known.
        kept: front matter that its owner wrote, such as a license.
    """
    return (
        f"---\n{_front_matter(scored, images, kept)}---\n\n{_body(scored, images, missing, repo)}"
    )


def _front_matter(scored: ScoredRun, images: int, kept: Mapping[str, Any]) -> str:
    from huggingface_hub.utils import yaml_dump

    result = scored.result
    size = next((name for limit, name in _SIZES if images < limit), _LARGER)
    text: str = yaml_dump(
        {
            **kept,
            "pretty_name": inert_line(f"{scored.label}, {result.benchmark}"),
            "task_categories": ["text-to-image"],
            "tags": ["spatialbench", "image-generation", slug(result.benchmark)]
            + (["partial"] if result.partial else []),
            "size_categories": [size],
            "configs": [
                {
                    "config_name": "default",
                    "data_files": [{"split": "test", "path": ["metadata.jsonl", "images/**"]}],
                }
            ],
        }
    )
    return text


def _body(
    scored: ScoredRun, images: int, missing: Sequence[Mapping[str, Any]], repo: str | None
) -> str:
    result = scored.result
    name = markdown_text(scored.label)
    parts = [
        f"# {name}: {markdown_text(result.benchmark)}",
        f"{counted(images, 'image')} made for the prompts of the benchmark "
        f"{markdown_text(result.benchmark)}"
        f" ({counted(result.prompts_expected, 'prompt')} x "
        f"{counted(scored.run.expected.images_per_prompt, 'image')}), "
        "each with its prompt, its seed, what was found in it, and the verdict of the benchmark's "
        "rule with the reason.",
        *_warnings(scored, images),
        summary_report(result, scored.benchmark, called=scored.run.manifest.name).text("md"),
        "## How it was measured",
        _measured(scored),
        "The signature names everything that decides the numbers:",
        f"```text\n{inert_line(result.signature)}\n```",
        *_missing(missing),
        "## What is in it",
        _COLUMNS,
        "```python\nfrom datasets import load_dataset\n\n"
        f'rows = load_dataset("{repo or "."}", split="test")\n```',
        "## License",
        "None is chosen here. The images may fall under the license of the model that made them: "
        "add a line `license:` to the front matter of this file.",
    ]
    return "\n\n".join(parts) + "\n"


def _warnings(scored: ScoredRun, images: int) -> list[str]:
    result, told = scored.result, []
    if result.partial:
        told.append(
            f"**PARTIAL: {result.images:,} of {result.images_expected:,} expected images are "
            "judged.** The numbers are of those alone: they stand beside no other row, and no "
            "`.eval_results` are written."
        )
    if result.is_lab:
        told.append(
            "**These are images of the lab**, a small model of a world of pictograms: its numbers "
            "are comparable with lab rows only."
        )
    count = scored.run.generator.get(REWRITTEN)
    if count and not any("rewritten" in note for note in result.notes):
        told.append(rewritten_note(int(count)))
    return told


def _measured(scored: ScoredRun) -> str:
    result, machines = scored.result, scored.run.manifest.machines
    rows = [
        ("benchmark", f"{scored.signature.benchmark}, subset {result.subset}"),
        *([("its own code or data", home)] if (home := scored.benchmark.homepage) else []),
        ("rule", result.rule),
        ("detector or judge", result.detector),
        ("threshold", f"{result.threshold:g}"),
        ("method", scored.signature.method or result.method),
        ("model", result.backbone),
        ("seeds", scored.signature.seeds or "unknown"),
        ("images judged", f"{result.images:,} of {result.images_expected:,}"),
        ("run", scored.run.manifest.id),
        ("begun or continued", made_on(scored) or "unknown"),
    ]
    if machines:
        packages = machines[-1].packages.items()
        rows.append(("software", ", ".join(f"{name} {version}" for name, version in packages)))
    cells = [f"| {what} | {markdown_text(str(value))} |" for what, value in rows]
    return "\n".join(["| what | value |", "| --- | --- |", *cells])


def _missing(missing: Sequence[Mapping[str, Any]]) -> list[str]:
    if not missing:
        return []
    counts = Counter(str(record["reason"]) for record in missing)
    listed = [f"- {count:,}: {markdown_text(why)}" for why, count in counts.most_common(_SHOWN)]
    if len(counts) > _SHOWN:
        listed.append(f"- and {len(counts) - _SHOWN:,} more reasons")
    return [
        "## What is missing",
        f"{len(missing):,} expected images are not here; `missing.jsonl` names each of them with "
        "the reason:",
        "\n".join(listed),
    ]


_COLUMNS = """\
| column of `metadata.jsonl` | what it is |
| --- | --- |
| `file_name` | the image |
| `prompt_id`, `index` | which prompt, and which image of it, from 0 |
| `prompt` | the benchmark's prompt, by which the image is judged |
| `prompt_sent` | what the method was given; null where nobody wrote it down |
| `seed` | of this image; null where nobody knows it |
| `task` | the benchmark's own group of prompts |
| `verdict`, `correct` | `right` or `wrong`, true or false; null where nobody judged the image |
| `score`, `reason`, `facts` | what the rule said |
| `detections` | boxes with a score above the threshold: corners x0, y0, x1, y1 in pixels, y down |
| `answers` | a judge's probabilities of yes, where the rule asks for them |
| `similarities` | how alike a judge finds image and text, -1 to 1, where the rule asks for it |

`.spatialbench/<run>.json` is the summary with every number and interval."""
