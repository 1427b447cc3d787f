"""What became of tests: values for printing, and JUnit's XML for build servers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An expectation that was not met. ``expected`` and ``got`` are lines to be compared; both may be empty."""

    line: int
    what: str
    reason: str
    expected: tuple[str, ...] = ()
    got: tuple[str, ...] = ()


@dataclass(slots=True)
class CaseReport:
    """One test of a file."""

    name: str
    line: int
    passed: int = 0
    mismatches: list[Mismatch] = field(default_factory=list)
    took_s: float = 0.0


@dataclass(slots=True)
class FileReport:
    """One file. ``broken`` says why nothing of it was run."""

    name: str
    cases: list[CaseReport] = field(default_factory=list)
    broken: tuple[str, ...] = ()

    @property
    def passed(self) -> int:
        return sum(case.passed for case in self.cases)

    @property
    def failed(self) -> int:
        return sum(len(case.mismatches) for case in self.cases)

    @property
    def ok(self) -> bool:
        return not self.broken and not self.failed


def as_junit(reports: Sequence[FileReport]) -> bytes:
    """The reports as JUnit's XML: a suite for each file, a case for each test."""
    root = ElementTree.Element("testsuites")
    for report in reports:
        suite = ElementTree.SubElement(root, "testsuite", name=_text(report.name))
        for case in report.cases:
            failures = [f"{report.name}:{each.line}: {each.what}: {each.reason}" for each in case.mismatches]
            _case(suite, case.name or f"line {case.line}", failures, case.took_s)
        if report.broken:
            _case(suite, "the file", report.broken, 0.0)
        suite.set("tests", str(len(suite)))
        suite.set("failures", str(sum(case.find("failure") is not None for case in suite)))
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _case(suite: ElementTree.Element, name: str, failures: Sequence[str], took_s: float) -> None:
    case = ElementTree.SubElement(suite, "testcase", name=_text(name), time=f"{took_s:.3f}")
    if failures:
        told = ElementTree.SubElement(case, "failure", message=_text(failures[0]))
        told.text = _text("\n".join(failures))


def _text(text: str) -> str:
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
