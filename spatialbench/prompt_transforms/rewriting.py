"""TORE and swap: the text a method is sent in place of the benchmark's.

TORE belongs to ESPLoRA (arXiv 2504.13745), whose authors released no code; known is that it turns
the weak relations right, below and behind into the equivalent left, above and in front of, with the
operands exchanged. The template and the surface forms are our RECONSTRUCTION.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..plugins import Outcome, PromptTransform, Rewriting
from ..prompts import Prompt, Triplet
from ..relations import Relation
from .clauses import Clause, parse
from .phrases import EXTENDED, OPPOSITE, STRONG_FOR_WEAK, find_phrases


@dataclass(frozen=True, slots=True)
class PhraseTransform(PromptTransform):
    """A rewriting of the phrases of a text, with their operands exchanged.

    Attributes:
        name: what ``--prompt-transform`` takes.
        summary: what it does, in a line.
        phrases: the new phrase by the old one; None for every phrase, kept as it is.
        version: raised whenever a text would be rewritten otherwise.
    """

    name: str
    summary: str
    phrases: Mapping[str, str] | None
    version: int = 1

    def _rewrite(self, text: str) -> Rewriting:
        """Rewrite a text clause by clause, or leave the whole of it as it is."""
        found = find_phrases(text)
        if not any(self._acts_on(match.phrase) for match in found):
            return Rewriting(text, Outcome.UNCHANGED)
        sentence = parse(text)
        if sentence is None:
            return Rewriting(text, Outcome.UNPARSED)
        rules = []
        clauses: list[Clause] = []
        turned = False
        for clause in sentence.clauses:
            if self._acts_on(clause.known):
                new = None if self.phrases is None else self.phrases[clause.known]
                clauses.append(clause.exchanged(new))
                rules.append(f"{clause.known} -> {clause.known if new is None else new}")
                turned = True
                continue
            # The subject that it shares is no longer that of the clause before.
            clauses.append(clause.in_full() if turned else clause)
            turned = False
        sent = str(replace(sentence, clauses=tuple(clauses)))
        # A swap of two equal operands says the same again.
        outcome = Outcome.UNCHANGED if sent == text else Outcome.REWRITTEN
        return Rewriting(sent, outcome, "; ".join(rules) if sent != text else "")

    def apply(self, prompt: Prompt) -> tuple[Prompt, Rewriting]:
        """The prompt as a method is sent it: its triplet and objects say what its text says.

        Everything else, the id among it, stays. A prompt that asks for a relation and has no
        phrase for it counts as ``unparsed``.
        """
        done = self._rewrite(prompt.text)
        if not done.changed:
            lost = prompt.triplet is not None and not find_phrases(prompt.text)
            return prompt, replace(done, outcome=Outcome.UNPARSED) if lost else done
        asked = tuple(prompt.facts.get("triplets") or ())
        said = self._said(prompt.text, asked)
        facts = {**prompt.facts, "triplets": said} if asked else prompt.facts
        triplet = prompt.triplet
        if triplet in asked:
            triplet = said[asked.index(triplet)]
        elif triplet is not None:
            (triplet,) = self._said(prompt.text, (triplet,))
        objects = prompt.objects
        triplets = said or ((triplet,) if triplet else ())
        named = tuple(dict.fromkeys(name for t in triplets for name in (t.subject, t.object)))
        if len(objects) == len(named) and set(objects) == set(named):
            objects = named
        sent = replace(prompt, text=done.text, triplet=triplet, objects=objects, facts=facts)
        return sent, done

    def _acts_on(self, phrase: str) -> bool:
        return self.phrases is None or phrase in self.phrases

    def _said(self, text: str, asked: Sequence[Triplet]) -> tuple[Triplet, ...]:
        """What the rewritten text says, for the triplets that the text asks for."""
        found = find_phrases(text)
        if [m.relation for m in found] == [triplet.relation for triplet in asked]:
            # One clause, one triplet: the same relation may be said by a phrase that stays.
            acts = [self._acts_on(m.phrase) for m in found]
        else:
            flipped = {m.relation for m in found if self._acts_on(m.phrase)}
            acts = [triplet.relation in flipped for triplet in asked]
        return tuple(
            self._flip(triplet) if turned else triplet
            for triplet, turned in zip(asked, acts, strict=True)
        )

    def _flip(self, triplet: Triplet) -> Triplet:
        keep = self.phrases is None
        relation: Relation = triplet.relation if keep else triplet.relation.inverse
        return Triplet(triplet.object, relation, triplet.subject)


TORE = PhraseTransform(
    "tore",
    "TORE (reconstruction): right, below and behind said as left, above and in front of",
    STRONG_FOR_WEAK,
    version=2,
)
TORE_EXTENDED = PhraseTransform(
    "tore-extended",
    "TORE with flips of our own: also hidden by, under, beneath, in back of",
    {**STRONG_FOR_WEAK, **EXTENDED},
    version=2,
)
SWAP = PhraseTransform(
    "swap",
    "control for the order of mention: A right of B sent as B left of A, A left of B as "
    "B right of A",
    OPPOSITE,
    version=3,
)
SWAP_PHRASE_KEPT = PhraseTransform(
    "swap-phrase-kept",
    "the operands alone exchanged: A right of B sent as its contrary, B right of A",
    None,
    version=2,
)
