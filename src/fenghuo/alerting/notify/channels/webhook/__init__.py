"""Any HTTP server, with Alertmanager's JSON."""
