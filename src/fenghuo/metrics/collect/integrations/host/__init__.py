"""This host, measured under node_exporter's names and labels, so that the world's rules and dashboards fit.

In: /proc, /sys, a few system calls, and systemctl once a minute. Out: one :class:`Parsed` for each collection.
Each collector stands in a class of its own behind a line of ``registry.py``; one that fails costs its own metrics
only and is 0 in ``node_scrape_collector_success``. A file system that does not answer cannot hang a collection.

Deliberately absent: node_exporter's collectors for rare hardware and file systems, and its textfile directory.
"""

from fenghuo.metrics.collect.integrations.host.integration import HostIntegration
from fenghuo.metrics.collect.integrations.host.settings import CollectorName, HostSettings

__all__ = ["CollectorName", "HostIntegration", "HostSettings"]
