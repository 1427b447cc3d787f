"""Fenghuo and Debian's Prometheus, VictoriaMetrics and Alertmanager side by side.

What ``benchmarks/metrics.py`` and ``benchmarks/alerting.py`` are made of.

:mod:`.servers` starts and ends the three programs, :mod:`.data` makes samples, :mod:`.feed` gives all three the same,
:mod:`.asking` asks over HTTP, :mod:`.agreement` compares the answers, and :mod:`.rows` prints. Every other module is a
stage: it starts its own servers in its own folder, and yields the rows of the table that it measures.
"""
