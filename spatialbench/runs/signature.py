"""The one line that says how a number was made: written here, and read back here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

from ..errors import UserError
from .names import backbone_name, backbone_revision

# Kept as they are inside a value; everything else outside letters, digits and "_.-~" is
# percent-encoded, so that spaces, commas, equals signs and brackets keep their meaning.
_SAFE = "@+/:"
_HASH_SHOWN = 7
# Said elsewhere in the line, or said by it as a whole.
_NOT_PARAMETERS = frozenset({"method", "version", "backbone"})


@dataclass(frozen=True, slots=True)
class Signature:
    """The parts of ``visor/1 rule:visor-centroid/1 det:owlvit-base-patch32@cbc355f thr:0.1 ...``.

    Attributes:
        benchmark: with its version, ``visor/1``.
        rule: with its version.
        detector: the detector's own word, or what stands for it.
        stands_in_for: the detector the benchmark prescribes, where it is not this one.
        threshold: score a box had to exceed.
        prompts: expected prompts.
        images_per_prompt: expected images of each.
        subset: prompt subset, or None for the benchmark's default.
        only: names the prompts were filtered by.
        names: how many names the detector knows, and a hash of them, where only prompts with those
            were taken; else None.
        found: judged images, where they are fewer than expected; else None.
        method: with its version, or None for detections that belong to no run.
        parameters: settings of the method, as text.
        base: backbone and the first digits of its revision or weight hash.
        seeds: seed scheme.
        until: the interval that decided how many prompts there are, as ``VISOR_uncond+-1``.
        run: id of the run, which stands for every setting.
        software: version of spatialbench.
    """

    benchmark: str
    rule: str
    detector: str
    threshold: float
    prompts: int
    images_per_prompt: int
    software: str
    subset: str | None = None
    only: tuple[str, ...] = ()
    names: str | None = None
    found: int | None = None
    stands_in_for: str | None = None
    method: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    base: str | None = None
    seeds: str | None = None
    run: str | None = None
    until: str | None = None

    def __str__(self) -> str:
        parts = [_quoted(self.benchmark)]

        def add(name: str, value: object) -> None:
            if value is not None:
                parts.append(f"{name}:{_quoted(str(value))}")

        add("set", self.subset)
        if self.only:
            parts.append("only:" + ",".join(map(_quoted, self.only)))
        add("names", self.names)
        add("rule", self.rule)
        add("det", self.detector)
        add("for", self.stands_in_for)
        add("thr", repr(float(self.threshold)))
        add("n", f"{self.prompts}x{self.images_per_prompt}")
        add("until", self.until)
        add("found", self.found)
        if self.method is not None:
            inside = ",".join(f"{_quoted(k)}={_quoted(v)}" for k, v in self.parameters.items())
            parts.append(f"gen:{_quoted(self.method)}" + (f"({inside})" if inside else ""))
        add("base", self.base)
        add("seeds", self.seeds)
        add("run", self.run)
        add("sb", self.software)
        return " ".join(parts)

    @classmethod
    def parse(cls, line: str) -> Signature:
        """Read a signature; ``Signature.parse(str(s)) == s``.

        Raises:
            UserError: a line that no signature prints.
        """
        try:
            benchmark, *rest = line.split(" ")
            parts = dict(part.split(":", 1) for part in rest)
            method, _, inside = parts["gen"].partition("(") if "gen" in parts else ("", "", "")
            pairs = [pair.split("=", 1) for pair in inside.removesuffix(")").split(",") if pair]
            prompts, _, images = parts["n"].partition("x")
            signature = cls(
                benchmark=unquote(benchmark),
                rule=unquote(parts["rule"]),
                detector=unquote(parts["det"]),
                threshold=float(parts["thr"]),
                prompts=int(prompts),
                images_per_prompt=int(images),
                software=unquote(parts["sb"]),
                subset=_text(parts, "set"),
                only=tuple(map(unquote, parts["only"].split(","))) if "only" in parts else (),
                names=_text(parts, "names"),
                found=int(parts["found"]) if "found" in parts else None,
                stands_in_for=_text(parts, "for"),
                method=unquote(method) if "gen" in parts else None,
                parameters={unquote(key): unquote(value) for key, value in pairs},
                base=_text(parts, "base"),
                seeds=_text(parts, "seeds"),
                run=_text(parts, "run"),
                until=_text(parts, "until"),
            )
        except (ValueError, KeyError) as error:
            raise _unreadable(line) from error
        if str(signature) != line:
            raise _unreadable(line)
        return signature


def parameters(generator: Mapping[str, Any]) -> dict[str, str]:
    """The settings in a generator's identity as the signature shows them, in the identity's order.

    A nested setting (a scheduler's configuration) is shown by its ``name``; all of it counts for
    the run id.
    """
    shown: dict[str, str] = {}
    for key, value in generator.items():
        if key in _NOT_PARAMETERS or value is None:
            continue
        if isinstance(value, Mapping):
            if "name" in value:
                shown[key] = str(value["name"])
            else:
                scalars = {k: v for k, v in value.items() if v is not None}
                shown |= {k: _shown(v) for k, v in scalars.items() if not isinstance(v, Mapping)}
        else:
            shown[key] = _shown(value)
    return shown


def method(generator: Mapping[str, Any]) -> str:
    """Method and version of a generator's identity: ``infsplign/1``.

    A prompt transform is among the parameters.
    """
    return f"{generator.get('method', 'unnamed')}/{generator.get('version', '?')}"


def base(generator: Mapping[str, Any]) -> str:
    """Backbone and the first digits of its revision: ``sd2.1-base@4e63672``."""
    revision = backbone_revision(generator)[:_HASH_SHOWN]
    return backbone_name(generator) + (f"@{revision}" if revision else "")


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "+".join(map(_shown, value))
    return repr(value) if isinstance(value, float) else str(value)


def _quoted(text: str) -> str:
    return quote(text, safe=_SAFE)


def _text(parts: Mapping[str, str], name: str) -> str | None:
    return unquote(parts[name]) if name in parts else None


def _unreadable(line: str) -> UserError:
    return UserError(
        f"{line!r} is not a signature: expected a line such as 'benchmark/1 rule:name/1 "
        "det:name@cbc355f thr:0.1 n:25280x4 sb:0.1.0', as printed under a table."
    )
