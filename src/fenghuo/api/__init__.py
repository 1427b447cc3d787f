"""HTTP: a module per protocol spoken.

``prometheus/`` answers as Prometheus 3 does, ``own/`` is Fenghuo's API with an OpenAPI document, ``management``
has health, readiness, reload and the program's own metrics, ``auth`` decides who is asking. Handlers translate:
they parse what came in, call one thing that was handed to them, and write what comes out. No domain logic here,
and no reaching for other packages' internals: what a handler needs stands in a Protocol beside it.
"""
