"""Numbers as Prometheus prints them."""

from __future__ import annotations

import math


def format_float(value: float) -> str:
    """The shortest decimal text that reads back as ``value``, without an exponent: Go's ``%f`` with precision -1."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(value)
    if "e" not in text:
        return text.removesuffix(".0")
    mantissa, exponent = text.split("e")
    sign, digits = ("-", mantissa[1:]) if mantissa[0] == "-" else ("", mantissa)
    whole, _, fraction = digits.partition(".")
    fraction = fraction if fraction != "0" else ""
    shift = int(exponent)
    if shift >= 0:
        return sign + whole + fraction.ljust(shift, "0")[:shift] + ("." + fraction[shift:] if fraction[shift:] else "")
    return sign + "0." + "0" * (-shift - 1) + whole + fraction


def format_general(value: float) -> str:
    """Go's ``%g``: the shortest text, with an exponent below 1e-4 and from 1e21 on."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0 or 1e-4 <= abs(value) < 1e21:
        return format_float(value)
    mantissa, _, exponent = f"{value!r}".partition("e")
    if not exponent:
        mantissa, _, exponent = f"{value:.17e}".partition("e")
        mantissa = mantissa.rstrip("0")
    power = int(exponent)
    return f"{mantissa.removesuffix('.0').removesuffix('.')}e{'-' if power < 0 else '+'}{abs(power):02d}"


def format_openmetrics(value: float) -> str:
    """As :func:`format_general`, with ``.0`` behind whole numbers: how OpenMetrics writes quantiles."""
    text = format_general(value)
    return f"{text}.0" if text.lstrip("-").isdigit() else text
