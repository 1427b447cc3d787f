"""Receiver kinds that Alertmanager knows and Fenghuo reads but does not send through.

Their settings are checked as Alertmanager checks them, so that an existing file loads unchanged and its mistakes
are found; a configuration that uses one is told so in a warning.
"""
