"""Prometheus' own test language for PromQL: files of ``load``, ``clear`` and ``eval``.

``text → parse (commands) → run (against an engine and a store) → report``

In comes the text of a file and a store to fill; out goes, for every ``eval``, whether the answer was what the file
says, and why not. A file that is not in the language raises ``InputError`` with its line. Expectations that are
native histograms count as failed.
"""
