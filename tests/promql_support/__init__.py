"""Stores and a slow reference that the tests of PromQL share."""
