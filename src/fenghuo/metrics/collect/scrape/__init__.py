"""The scrape loop: from targets to the store, as Prometheus does it.

In: jobs with their discovery, and built-in sources; a store to write to (:mod:`.sink`). Out: one append per scrape
to the target's cohort: its samples under their stored labels, staleness markers for what is gone, and ``up`` with
its companions; beside it the state of every target for people to look at. The way of one scrape::

    loop (when) -> feed (HTTP or a built-in source) -> writer (parse, plan, append; in a worker thread)

Whatever goes wrong with one target (no answer, garbage, limits, a store that cannot write) is that target's state
and a count, never an exception, and disturbs no other target.

Deliberately absent: protobuf exposition and native histograms; sharding.
"""
