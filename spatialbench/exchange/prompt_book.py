"""The prompt that a foreign record is about: one of the benchmark's, or one the record brings."""

from __future__ import annotations

from ..errors import UserError
from ..plugins import Benchmark
from ..plugins.records import BoxRecord
from ..prompts import Prompt


class PromptBook:
    """Finds prompts by id, reading no more of the benchmark's subsets than it must.

    Attributes:
        foreign: prompts that records brought, by id.
        used: all prompts that records were about, by id.
    """

    def __init__(self, benchmark: Benchmark, subset: str | None) -> None:
        self.foreign: dict[str, Prompt] = {}
        self.used: dict[str, Prompt] = {}
        self._benchmark = benchmark
        self._subset = subset
        self._known: dict[str, Prompt] = {}
        others = [name for name in benchmark.subsets if name != benchmark.default_subset]
        self._unread = [subset] if subset else [benchmark.default_subset, *others]

    def prompt(self, record: BoxRecord) -> Prompt:
        """The prompt of a record.

        Raises:
            UserError: an id that no subset has, or another prompt under an id used before.
        """
        prompt = self._brought(record) or self._find(record.key[0])
        self.used[prompt.id] = prompt
        return prompt

    @property
    def read(self) -> list[Prompt]:
        """The benchmark's own prompts, as far as they had to be read."""
        return list(self._known.values())

    def _brought(self, record: BoxRecord) -> Prompt | None:
        prompt = self._benchmark.prompt_of_record(record.content, self._subset)
        if prompt is not None and self.foreign.setdefault(prompt.id, prompt) != prompt:
            raise UserError(
                f"the id {prompt.id!r} stands for {prompt.text!r} here and for "
                f"{self.foreign[prompt.id].text!r} before: give every prompt an id of its own."
            )
        return prompt

    def _find(self, prompt_id: str) -> Prompt:
        while prompt_id not in self._known and self._unread:
            for prompt in self._benchmark.prompts(self._unread.pop(0)):
                self._known.setdefault(prompt.id, prompt)
        if prompt_id in self._known:
            return self._known[prompt_id]
        name = self._benchmark.name
        where = f"{name}:{self._benchmark.typed(self._subset)}" if self._subset else name
        raise UserError(
            f"the detections hold the prompt id {prompt_id!r}, which {where} does not have: see "
            f"'spatialbench prompts --bench {name} --format jsonl'."
        )
