"""Bytes to values of the model and back, as pure functions: no sockets, no files, no clock.

Parsers return values and problems; they do not raise on foreign input.
"""
