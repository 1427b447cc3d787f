"""Who is asking, and may they: passwords, sessions, tokens, roles, scopes, CSRF.

A request proves who it comes from with a session cookie (the panel), HTTP basic authentication (Grafana, curl) or a
token (the command line, programs): as a bearer token, as the password of basic authentication, or in an address of the
intake. ``/health*``, ``/-/healthy``, ``/-/ready``, the panel's own files and the sign-in itself are open; ``/metrics``
is open while the server listens on loopback only.
"""
