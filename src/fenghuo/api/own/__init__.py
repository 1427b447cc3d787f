"""``/api/fenghuo``: Fenghuo's own API, described by its OpenAPI document at ``/api/fenghuo/openapi.json``.

Errors are ``{"error": {"code", "message", "remedy"}}`` with a matching status.
"""
