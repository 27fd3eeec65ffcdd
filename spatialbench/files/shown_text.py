"""Text from elsewhere as it may be shown: read by people, obeyed by nothing.

Names of methods, files and prompts come from strangers and reach terminals, tables and documents.
Each form of output has characters that it obeys: a terminal moves and colours at escapes, a
spreadsheet computes what begins with ``=``, Markdown and HTML follow tags. Whatever is shown goes
through the function of its form.

Counts are shown with their noun.
"""

from __future__ import annotations

import re

_FORMATTING = "\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
# C0 and C1 control characters; what turns the direction of text or is not seen; half surrogates,
# which stand for bytes of a file name that are no text; tags.
_NOT_SHOWN = f"\x7f-\x9f{_FORMATTING}\ud800-\udfff\U000e0000-\U000e007f"
_IN_TEXT = re.compile(f"[\x00-\x08\x0b-\x1f{_NOT_SHOWN}]")
_IN_LINE = re.compile(f"[\x00-\x1f{_NOT_SHOWN}]")

_SPACES = re.compile(r"\r\n|[\t\n\r]")

_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?(\d[\d.,]*([eE][+-]?\d+)?|inf|nan)%?")

# Tags, links and ends of cells; what would begin emphasis, a formula or the name of a person; and
# a backslash that would take the meaning of what follows it.
_MARKDOWN = re.compile(
    r"[&<>|`\[\]]|[*~$](?=\S)|(?<![^\W_])_(?=\S)|(?<!\w)@(?=\w)|\\(?=[!-/:-@\[-`{-~]|$)"
)
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;"}
"""What stands for a character in Markdown; before any other one stands a backslash."""


def inert(text: str) -> str:
    """Text of any number of lines for a terminal: no control characters but tab and newline."""
    return _IN_TEXT.sub(_escape, text)


MOST_CHARACTERS = 4000
"""Of a message on the terminal."""


def printable(text: str) -> str:
    """A message as a terminal may have it: no control characters, and no end of it.

    Messages quote files, and a file may quote what moves the cursor or colours the screen.
    """
    if len(text) > MOST_CHARACTERS:
        half = MOST_CHARACTERS // 2
        text = f"{text[:half]} [...] {text[-half:]}"
    return inert(text)


def inert_line(text: str) -> str:
    """The same on one line: a space stands for each end of a line and tab."""
    return _IN_LINE.sub(_escape, _SPACES.sub(" ", text))


def csv_cell(text: str) -> str:
    """A cell that no spreadsheet computes: an apostrophe stands before a formula.

    Numbers are left as they are, with their signs.
    """
    shown = inert_line(text)
    if _FORMULA.match(shown) and not _NUMBER.fullmatch(shown.strip()):
        return f"'{shown}"
    return shown


def markdown_text(text: str) -> str:
    """Text that Markdown shows as it stands.

    No tag, no link, no image, no emphasis, no formula, nobody called, no end of a cell.
    """
    return _MARKDOWN.sub(lambda found: _ENTITIES.get(found[0], f"\\{found[0]}"), inert_line(text))


def inert_json(document: str) -> str:
    """A JSON document in whose texts nothing turns the direction of text or is not seen."""
    return _IN_TEXT.sub(lambda found: f"\\{_escape(found)}", document)


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def counted(count: int, one: str, several: str = "") -> str:
    """``1 image``, ``2,000 images``; ``several`` where it is not ``one`` and an s."""
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"
