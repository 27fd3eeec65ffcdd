"""The frontier as a page and a figure, in the look of the project's charts."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan, log
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialbench.reports.charts.svg import FAINT, INK, SERIES, image, line, tag, text

if TYPE_CHECKING:
    from tests.measurements.frontier import Point

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 640, 380, 46, 16, 44, 46
_AIM = 1.15
KINDS = ("plain", "fixed window", "adaptive", "best of n")


def write(points: Sequence[Point], out: Path, prompts: int, tune: bool) -> None:
    """Print the page; for held-out prompts write it and the figure into a folder as well."""
    if not points:
        print("nothing is finished yet: give --minutes")
        return
    content = page(points, prompts, tune)
    print(content)
    if not tune:
        out.mkdir(parents=True, exist_ok=True)
        (out / "frontier.md").write_text(content)
        (out / "frontier.svg").write_text(str(figure(points)) + "\n")


def page(points: Sequence[Point], prompts: int, tune: bool) -> str:
    """Markdown."""
    plain, full = points[0], points[1]
    images = plain.images
    which = "other prompts than the held-out ones" if tune else "held-out prompts"
    judged = f"{images:,} images each, of {prompts} {which}"
    rows = [_row(one, plain) for one in points]
    fine = [
        one
        for one in points
        if one.arm.kind == "adaptive"
        and one.tflop <= _AIM * plain.tflop
        and one.difference[0] >= -1
    ]
    met = (
        "Within 1 point of all 20 steps guided, at no more than 1.15 times the cost of plain: "
        + (", ".join(f"*{one.arm.name}*" for one in fine) or "no adaptive setting")
        + "."
    )
    lines = [
        "# What a point of VISOR_uncond costs on the lab",
        "",
        f"`infsplign` and its rivals on the backbone `lab`, {judged},",
        "the same seeds, 20 steps, guidance scale 3, float32, judged by `lab-owlvit`; *best of n*",
        "draws with `sd`, and `lab-templates` chooses. Made by",
        "`python -m tests.measurements.frontier`, which counts the",
        "operations of one image of each arm with everything in it (text, decoding, choosing); of",
        "adaptive guidance, a plain image's and one guided step's for each step that was guided.",
        "Hysteresis and windows were tried on 40 prompts x 2 images of the pairs that `--tune`",
        "takes, none of which is held out.",
        "",
        met,
        "",
        "| arm | settings | VISOR_uncond | against all 20 steps | OA | VISOR_cond | guided steps | "
        "full windows | TFLOP per image | times plain |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|",
        *rows,
        "",
        "VISOR_uncond with its 95 % interval (bootstrap over clusters of prompts); the difference",
        "with its paired interval; *full windows*: the share of images that never reached the",
        "margin and were guided in every step.",
        "",
        "![VISOR_uncond against TFLOP per image](frontier.svg)",
        "",
    ]
    if full.images != plain.images:
        raise ValueError("the arms do not have the same images")
    return "\n".join(lines)


def _row(one: Point, plain: Point) -> str:
    given = {k: v for k, v in one.arm.settings.items() if k != "judge"}
    settings = " ".join(f"{key}={value}" for key, value in given.items())
    value, low, high = one.difference
    cells = [
        one.arm.name,
        f"`{one.arm.method}{' ' * bool(settings)}{settings}`",
        f"{one.metrics['VISOR_uncond']:.2f} [{one.low:.2f}, {one.high:.2f}]",
        f"{value:+.2f} [{low:+.2f}, {high:+.2f}]",
        f"{one.metrics['OA']:.2f}",
        f"{one.metrics['VISOR_cond']:.2f}",
        "–" if isnan(one.guided) else f"{one.guided:.2f}",
        "–" if isnan(one.full_windows) else f"{100 * one.full_windows:.1f} %",
        f"{one.tflop:.4f}",
        f"{one.tflop / plain.tflop:.3f}",
    ]
    return "| " + " | ".join(cells) + " |"


def figure(points: Sequence[Point]) -> Any:
    """VISOR_uncond against TFLOP per image, which grows by its logarithm; intervals at the dots."""
    plain = points[0].tflop
    least, most = plain * 0.95, max(one.tflop for one in points) * 1.08
    bottom = 10 * (min(one.low for one in points) // 10)
    top = min(100.0, 10 * (max(one.high for one in points) // 10 + 1))
    wide, high = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def at(tflop: float, value: float) -> tuple[float, float]:
        share = log(tflop / least) / log(most / least)
        return _LEFT + wide * share, _TOP + high * (1 - (value - bottom) / (top - bottom))

    title = "VISOR_uncond against the cost of an image, on the lab"
    # A page of its own, so that it can be read in the dark as well.
    parts = [tag("rect", x=0, y=0, width=_WIDTH, height=_HEIGHT, fill="#ffffff")]
    parts.append(text(8, 14, title, font_size=13, font_weight="600"))
    tick = bottom
    while tick <= top:
        y = at(plain, tick)[1]
        parts.append(line(_LEFT, y, _LEFT + wide, y))
        parts.append(text(_LEFT - 6, y + 3, f"{tick:g}", "end", fill=FAINT, font_size=10))
        tick += 10
    for times in (1.0, _AIM, 1.4, 2.0, 4.0):
        if plain * times > most:
            continue
        x = at(plain * times, bottom)[0]
        parts.append(line(x, _TOP, x, _TOP + high, INK if times == _AIM else FAINT, 0.5))
        words = f"{plain * times:.3f}"
        parts.append(text(x, _TOP + high + 14, words, "middle", fill=FAINT, font_size=10))
        parts.append(text(x, _TOP - 4, f"{times:g} x", "middle", fill=FAINT, font_size=9))
    parts.append(
        text(_LEFT + wide, _HEIGHT - 6, "TFLOP per image (above: times plain)", "end", fill=FAINT)
    )
    windows = sorted(
        (one for one in points if one.arm.kind in KINDS[:2]), key=lambda one: one.tflop
    )
    path = " ".join(
        "{:.1f},{:.1f}".format(*at(p.tflop, p.metrics["VISOR_uncond"])) for p in windows
    )
    parts.append(
        tag("polyline", points=path, fill="none", stroke=SERIES[1], stroke_width=1, opacity=0.6)
    )
    for one in points:
        colour = SERIES[KINDS.index(one.arm.kind)]
        x, y = at(one.tflop, one.metrics["VISOR_uncond"])
        parts.append(line(x, at(one.tflop, one.low)[1], x, at(one.tflop, one.high)[1], colour))
        dot = tag("title", f"{one.arm.name}: {one.metrics['VISOR_uncond']:.2f}, {one.tflop:.4f}")
        parts.append(tag("circle", dot, cx=x, cy=y, r=4, fill=colour))
    x = float(_LEFT)
    for number, kind in enumerate(KINDS):
        parts.append(tag("circle", cx=x, cy=_HEIGHT - 10, r=4, fill=SERIES[number]))
        parts.append(text(x + 8, _HEIGHT - 6, kind))
        x += 26 + 6.4 * len(kind)
    return image(_WIDTH, _HEIGHT, title, *parts)
