"""The metric store: samples come in as scrapes, and go out as arrays.

What comes in: cohorts, the series of one scrape target or rule group that share timestamps (:class:`Cohort`), and
samples with timestamps of their own (:meth:`Store.append_samples`). What goes out: :class:`~fenghuo.model.selection.
Selection` values for queries, and the lists behind ``/api/v1/series`` and its kin.

What it owns: one directory with a write-ahead log and blocks (FORMAT.md draws both), and one thread that forces the
log to the disk, turns the oldest hours of the head into blocks, and keeps retention.

How it fails: an append returns after the operating system has its record, so a killed process loses nothing that
was acknowledged; a disk that refuses raises OperatingError (retryable), keeps nothing of that call and leaves
reading as it was. What is damaged on disk is set apart with a message, and the rest is used.

Deliberately absent: the event loop (every method is synchronous and thread-safe), parsing, metadata,
replication.
"""

from __future__ import annotations

from fenghuo.metrics.store.cohort import Cohort
from fenghuo.metrics.store.health import StoreHealth
from fenghuo.metrics.store.pushing import PushResult
from fenghuo.metrics.store.settings import StoreSettings
from fenghuo.metrics.store.statistics import StoreStatistics
from fenghuo.metrics.store.store import Store

__all__ = ["Cohort", "PushResult", "Store", "StoreHealth", "StoreSettings", "StoreStatistics"]
