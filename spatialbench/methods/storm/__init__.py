"""STORM: descend on the cost of transporting each object's attention to its side of the other's.

Source: arXiv 2503.22168; the authors' code (MICV-yonsei/STORM at 88dbc3a). Two methods, because the
released code does not do what it is for: ``storm-released`` is what it computes, and
``storm-corrected`` is our reading of what it was meant to compute, so a reconstruction, without the
term for adjectives, which spatial prompts seldom have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ...backbones.architecture import Architecture
from ...errors import unknown_name
from ...guidance import several
from ...guidance.descent_plugin import DescentPlugin
from ...guidance.descent_settings import descent_parameters
from ...guidance.nouns import guided_spans, guided_triplets, triplet_spans
from ...plugins import GenerationSettings, Parameter
from ...prompts import Prompt, Triplet

if TYPE_CHECKING:
    from ...guidance.descent_generator import DescentGenerator
    from ...guidance.nouns import Span
    from ...guidance.tokens import Positions
    from .loss import TransportLoss

_ARCHITECTURES: Mapping[Architecture, Mapping[str, Any]] = {
    # A sample's step has this length whatever its gradient; the lab's latents are four times
    # shorter than Stable Diffusion's. Its maps at level 2 have 4x4 pixels.
    Architecture.LAB: {"level": 1, "scale": 5.0},
    Architecture.SD2: {"prompt_only": True},
    Architecture.LAB_TRANSFORMER: {"blocks": "3,4", "scale": 5.0},
    # Latents of 1,024 pixels a side are four times as long as Stable Diffusion's.
    Architecture.SD3: {"scale": 80.0},
    Architecture.FLUX: {"scale": 80.0},
}

_SCRIPT, _GIVEN = "released", "given"
"""What ``--set nouns=`` takes: the nouns that the released script finds, or the objects that the
benchmark names, which the authors' pipeline also lets a user hand in."""


@dataclass(frozen=True, slots=True)
class Storm(DescentPlugin):
    """The entry points ``storm-released`` and ``storm-corrected``."""

    name: str
    summary: str
    corrected: bool
    nouns: str = _GIVEN

    clip: float | None = field(default=1.0, init=False)

    def inherited(self, architecture: Architecture) -> Mapping[str, Any]:
        """Parameters that a kind of backbone wants otherwise than the defaults."""
        return _ARCHITECTURES.get(architecture, {})

    @property
    def marks(self) -> tuple[str, ...]:
        """The corrected one is our reading, which no author has confirmed."""
        return ("reconstruction",) if self.corrected else ()

    @property
    def version(self) -> int:
        """Version 1 guided the given objects, and still does."""
        return 2 if self.nouns == _SCRIPT else 1

    @property
    def own_identity(self) -> Mapping[str, Any]:
        """Whose nouns, where they are not those of version 1."""
        return {"nouns": _SCRIPT} if self.nouns == _SCRIPT else {}

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """What ``--set`` takes; the defaults are the authors', in shares of their 50 steps."""
        shared = descent_parameters(
            scale=20.0,
            start="2%",
            end="50%",
            thresholds="10%:0.95,20%:0.99,30%:0.995,40%:0.999",
            iterations=30,
        )
        if self.corrected:
            return shared | {"relations": several.PARAMETER}
        meaning = "released: guide only where the authors' script finds two nouns; given: wherever "
        return shared | {"nouns": Parameter(_SCRIPT, meaning + "the benchmark names two objects")}

    def configure(
        self, settings: GenerationSettings, parameters: Mapping[str, Any]
    ) -> DescentGenerator:
        """Fix the settings.

        Raises:
            UserError: an unknown parameter or a value out of range.
        """
        from ...guidance.descent_generator import configure

        if self.corrected:
            return configure(self, settings, parameters)
        nouns = str(parameters.get("nouns", _SCRIPT))
        if nouns not in (_SCRIPT, _GIVEN):
            raise unknown_name(f"value of nouns for {self.name}", nouns, [_SCRIPT, _GIVEN])
        return configure(replace(self, nouns=nouns), settings, parameters)

    def about_prompts(self, prompts: Sequence[Prompt]) -> list[str]:
        """How many prompts are not guided, and how many have a relation that is not.

        Raises:
            UserError: a prompt that the method cannot guide, or whose nouns it does not know.
        """
        alone = sum(not self.spans(prompt) for prompt in prompts)
        why = "a relation of two objects" if self.corrected else "two objects"
        if self.nouns == _SCRIPT:
            why = "exactly two nouns of one token, the only prompts that the authors' script guides"
        sentence = (
            f"{self.name}: {alone:,} of {len(prompts):,} prompts are not guided, so that their "
            f"images are those of sd: they do not have {why}"
        )
        said = [sentence] if alone else []
        left_out = sum(
            len(self._triplets(prompt)) < len(guided_triplets(prompt))
            for prompt in prompts
            if prompt.triplet is not None
        )
        if left_out:
            said.append(
                f"{self.name}: {left_out:,} of {len(prompts):,} prompts ask for a relation in "
                "depth among others, which has no place in the plane and is not guided"
            )
        return said

    def _triplets(self, prompt: Prompt) -> tuple[Triplet, ...]:
        """The guided relations: of several those in the plane, if there are any."""
        asked = guided_triplets(prompt)
        plane = tuple(triplet for triplet in asked if triplet.relation.axis != "depth")
        return plane if self.corrected and plane else asked

    def spans(self, prompt: Prompt) -> tuple[Span | None, ...]:
        """Characters of the words that are guided: subject, object, and perhaps their adjectives.

        Those of a second relation come after those of the first.

        A prompt without two objects has none and is left unguided, as released. The corrected
        method also leaves "A and B" unguided, which asks for no place.

        Raises:
            UserError: a relation without a direction in the plane (corrected only), an object that
                is not in the text, or a prompt whose nouns are not known.
        """
        if self.nouns == _SCRIPT:
            from .guided_words import guided_words

            found = guided_words(prompt)
            if found is None:
                return ()
            return found.nouns + (found.adjectives if any(found.adjectives) else ())
        if self.corrected:
            from .sides import check_relation

            if prompt.triplet is None:
                return ()
            triplets = self._triplets(prompt)
            check_relation(triplets[0].relation, prompt.id)
            pairs = triplet_spans(prompt, triplets)
            return tuple(span for pair in pairs for span in pair)
        two = prompt.triplet is not None or len(dict.fromkeys(prompt.objects)) == 2
        return guided_spans(prompt) if two else ()

    def positions(
        self, prompt: Prompt, tokenizers: Sequence[Any], limit: int | None = None
    ) -> Positions:
        """Tokens of :meth:`spans`; of a name of several tokens the released code takes the last.

        Raises:
            UserError: as :meth:`spans`, or words beyond what the text encoder reads.
        """
        from ...guidance.tokens import span_tokens

        spans = self.spans(prompt)
        found = iter(span_tokens(prompt, [span for span in spans if span], tokenizers, limit))
        last = slice(None) if self.corrected else slice(-1, None)
        return tuple(next(found)[last] if span else () for span in spans)

    def loss(self, prompts: Sequence[Prompt], positions: Sequence[Positions]) -> TransportLoss:
        """The loss of a batch."""
        from .loss import TransportLoss
        from .sides import Side, corrected_side, released_side

        def sides(prompt: Prompt) -> list[Side]:
            if not self.corrected:
                return [released_side(prompt)]
            asked = self._triplets(prompt) if prompt.triplet else (None,)
            return [corrected_side(triplet) for triplet in asked]

        adjectives = [
            (len(words) > 2 and bool(words[2]), len(words) > 3 and bool(words[3]))
            for words in (() if self.corrected else positions)
        ]
        return TransportLoss([sides(prompt) for prompt in prompts], adjectives)


RELEASED = Storm(
    "storm-released", "STORM as its authors' code computes it, with its defects", False, _SCRIPT
)
CORRECTED = Storm("storm-corrected", "STORM without its code's defects (our reconstruction)", True)
