"""Targets that live inside this program: each subpackage watches one thing without an exporter beside it.

An integration is an object with ``collect() -> Parsed``: synchronous, called from a worker thread, never twice at a
time. It hands out the same :class:`~fenghuo.wire.exposition.Layout` object while its set of series stays the same.
It raises OSError or OperatingError when it has nothing at all to say; what fails in part is said in its own metrics.
The scraper treats it like any other target: ``up``, relabelling, limits and staleness are not its business.
"""
