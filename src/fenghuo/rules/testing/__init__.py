"""Unit tests of rule files, in the format of ``promtool test rules``.

``file → load (settings and rule files, or problems) → run (groups over invented series) → report``

In comes a test file, which names rule files; a :class:`Laboratory`, which is an engine over an empty store, is handed
in for each of its tests. Out goes a :class:`FileReport`: what passed, and for everything else line, expectation and
answer. What is wrong with a file itself is a problem with its line; nothing is raised for it.

What a test sees is what promtool shows it: every group is evaluated at each ``evaluation_interval``, whatever its own
interval, and samples later than the last evaluation do not exist. Deliberately absent: native histograms, which count
as failed.
"""

from fenghuo.rules.testing.loader import LoadedTests, load_tests
from fenghuo.rules.testing.ports import Laboratory
from fenghuo.rules.testing.report import CaseReport, FileReport, Mismatch, as_junit
from fenghuo.rules.testing.run import run_tests

__all__ = [
    "CaseReport",
    "FileReport",
    "Laboratory",
    "LoadedTests",
    "Mismatch",
    "as_junit",
    "load_tests",
    "run_tests",
]
