"""``/api/v2``: Alertmanager's API, for amtool, Prometheus' senders, and dashboards of alerts.

Bodies, status codes and messages are Alertmanager's; errors are JSON strings. Nothing is decided here.
"""
