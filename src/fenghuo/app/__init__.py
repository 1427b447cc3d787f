"""Composes the program: settings, wiring in start order, reload, stop. Only this package names concrete parts."""
