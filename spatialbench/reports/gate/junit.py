"""A gate's decision as JUnit XML, which every CI service can show."""

from __future__ import annotations

import math
from xml.etree import ElementTree

from ...files.shown_text import inert_line
from .decision import Answer, Check, Decision

_SUITE = "spatialbench gate"


def junit(decision: Decision) -> bytes:
    """One test case per metric: a failure outside the window, an error where nothing can be told.

    The type of a failure is ``regression``, ``above-the-window`` or
    ``below-the-window`` (a gain where smaller is better), of an error ``cannot-tell``.

    What stands in the way of the whole run is a test case of its own, so that a run that decides
    nothing is never shown as green.
    """
    failures = sum(check.answer.failed for check in decision.checks)
    errors = sum(check.answer is Answer.CANNOT_TELL for check in decision.checks)
    whole = bool(decision.obstacles)
    counts = {
        "tests": str(len(decision.checks) + whole),
        "failures": str(failures),
        "errors": str(errors + whole),
    }
    suites = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(suites, "testsuite", {"name": _SUITE, **counts})
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in (
        ("signature", decision.scored.result.signature),
        ("baseline", decision.gate.signature),
    ):
        ElementTree.SubElement(properties, "property", {"name": name, "value": value})
    classname = f"spatialbench.{decision.scored.result.benchmark}"
    if whole:
        case = ElementTree.SubElement(suite, "testcase", {"classname": classname, "name": "run"})
        text = "; ".join(decision.obstacles)
        ElementTree.SubElement(case, "error", {"message": text, "type": "cannot-tell"})
    for check in decision.checks:
        case = ElementTree.SubElement(
            suite, "testcase", {"classname": f"{classname}.{check.group}", "name": check.metric}
        )
        if check.answer is not Answer.PASS:
            tag = "failure" if check.answer.failed else "error"
            kind = check.answer.value.replace("_", "-")
            ElementTree.SubElement(case, tag, {"message": _message(check), "type": kind})
    for element in suites.iter():
        # XML has no form for control characters, not even an escaped one.
        element.attrib = {name: inert_line(value) for name, value in element.attrib.items()}
    ElementTree.indent(suites)
    document: bytes = ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _message(check: Check) -> str:
    value = "undefined" if math.isnan(check.value) else f"{check.value:.2f}"
    return f"{check.name} is {value}, expected {check.window}: {check.reason}"
