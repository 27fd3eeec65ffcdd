"""Rules for any benchmark: plug-ins that build a rule for the benchmark it is asked for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .method import Parameter
from .plugin import Plugin
from .rule import Rule

if TYPE_CHECKING:
    from .benchmark import Benchmark


class RulePlugin(Plugin):
    """What an entry point of ``spatialbench.rules`` names.

    Its metrics are ``OA`` (images with the fact ``found_all``) and ``shares``, over the images with
    the fact ``judged``; either counts as true where the rule's verdicts have no fact of that name.
    """

    version: int = 1
    """Raised whenever an image would be judged otherwise."""
    options: Mapping[str, Parameter] = {}
    """The numbers that ``--rule NAME:KEY=VALUE`` sets, with their defaults."""
    prefix: str
    """What its metric keys begin with: they may not be those of a benchmark."""
    shares: Mapping[str, str]
    """Facts that become metrics, by the word after the prefix; the empty word for the prefix."""
    remark: str = ""
    """What stands under its tables, after the rule's name; such as that it is a reconstruction."""

    @property
    def full_name(self) -> str:
        """``esplora-r1/1``."""
        return f"{self.name}/{self.version}"

    def name_with(self, options: Mapping[str, Any]) -> str:
        """The name of the rule with these options, which tells those that are not the default."""
        changed = [
            f"+{key}:{float(options[key]):g}"
            for key, option in sorted(self.options.items())
            if options.get(key, option.default) != option.default
        ]
        return "".join([self.full_name, *changed])

    @abstractmethod
    def build(self, benchmark: Benchmark, subset: str | None, options: Mapping[str, float]) -> Rule:
        """The rule for a benchmark's prompts, under the name that ``name_with`` gives.

        Args:
            benchmark: whose prompts are judged; its ``stands_for`` tells which labels count.
            subset: None for the benchmark's default.
            options: a value for each of ``options``.

        Raises:
            UserError: a value out of range.
        """
