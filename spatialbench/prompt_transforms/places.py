"""Words of prompts about the image as a whole: its kinds, its scenes, places in it."""

from __future__ import annotations

import re

IMAGE = "photo|photograph|picture|image|painting|drawing|illustration|sketch|rendering|render"
"""What a prompt may call itself, as in ``a photo of``."""

SCENE = (
    "scene|scenery|landscape|cityscape|townscape|seascape|setting|place|world|street|road|lane"
    "|alley|highway|avenue|city|town|village|downtown|square|plaza|market|marketplace|courtyard"
    "|crossing|intersection|crosswalk|sidewalk|pavement|parking lot|car park|park|playground"
    "|garden|backyard|yard|lawn|field|meadow|farm|forest|woods|jungle|desert|beach|shore|coast"
    "|harbou?r|port|lake|river|pond|sea|ocean|mountains?|valley|hillside|island|sky|room"
    "|living room|bedroom|bathroom|kitchen|hall|hallway|corridor|office|classroom|library|museum"
    "|gallery|restaurant|cafe|café|bar|shop|store|supermarket|garage|warehouse|studio|stadium"
    "|gym|airport|station|platform|interior"
)
"""Nouns that, before ``with``, are where something is and not one of the two things."""

_WHOLE = re.compile(
    r"\s+(?:(?:the|this)\s+)(?:(?:whole|entire|very)\s+)?"
    r"(?:image|picture|photo|photograph|frame|scene|canvas|shot|composition|background|foreground"
    r"|cent(?:er|re)|middle|viewer)(?![\w'’-])"
    # Another noun after it makes it part of a name, as in "the picture frame".
    r"(?=\s*(?:$|[^\w\s])|\s+(?:and|or|but|while|with|as|in|on|at|by|to|from|near|next|beside"
    r"|above|below|over|under|behind|between|left|right|inside|outside|during|against|facing|is"
    r"|are|was|were|there|where|which|that|so)\b)",
    re.IGNORECASE,
)
_GROUND = (
    "sea|ocean|lake|river|pool|pond|hill|mountain|valley|stairs|staircase|room|classroom|class"
    "|kitchen|garage|shop|store|theat(?:er|re)|church|queue|line"
)
_VEHICLE = "truck|lorry|pickup|van|car|bus|taxi|cab|train|plane|airplane|boat|cart"
_WITHIN = {
    "at": re.compile(rf"\s+(?:an?|the|this)\s+(?:{_GROUND})(?![\w'’-])", re.IGNORECASE),
    "in": re.compile(
        rf"\s+(?:an?|the|this)\s+(?:[\w-]+\s+)?(?:{_GROUND}|{_VEHICLE})(?![\w'’-])",
        re.IGNORECASE,
    ),
}
_PART = re.compile(r"(at|in) the (?:bottom|top|back|front|rear) of")
_NO_SIDES = {"in front of", "in back of", "on side of"}


def whole_or_part(phrase: str, text: str, end: int) -> bool:
    """Whether a phrase places something in the image, or within a thing, by what follows it.

    As in ``on the right of the image`` and ``in the back of a truck``; a thing in the image may be
    a picture (``on the right of the picture frame``).

    Args:
        phrase: in lower case with single spaces.
        end: where it ends in the text.
    """
    if phrase.endswith(" of") and phrase not in _NO_SIDES and _WHOLE.match(text, end):
        return True
    part = _PART.fullmatch(phrase)
    return part is not None and _WITHIN[part[1]].match(text, end) is not None
