"""The values that travel between the stations: labels, samples, selections, alerts. Frozen, and no I/O.

Times are ``int`` milliseconds since the Unix epoch wherever a name ends in ``_ms``; sample values are float64.
"""
