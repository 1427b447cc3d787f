"""Who is asking, and may they: passwords, sessions, tokens, roles, CSRF.

A request proves who it comes from with a session cookie (the panel), HTTP basic authentication (Grafana, curl) or
a bearer token (the command line, scripts). ``/health*``, ``/-/healthy``, ``/-/ready``, the panel's own files and
the sign-in itself are open; ``/metrics`` is open while the server listens on loopback only.
"""
