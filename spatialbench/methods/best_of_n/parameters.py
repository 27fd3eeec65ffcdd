"""What ``--set`` takes."""

from __future__ import annotations

from collections.abc import Mapping

from ...plugins import Parameter

NAME = "best-of-n"

PARAMETERS: Mapping[str, Parameter] = {
    "n": Parameter(4, "how many images are made for each one that is kept"),
    "judge": Parameter("", "the detector or judge that chooses; not the one that scores"),
    "method": Parameter("sd", "the method that makes the images"),
    "settings": Parameter(
        None, "that method's own parameters: KEY=VALUE, several with a semicolon between them"
    ),
}
