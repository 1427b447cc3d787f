"""Small adapters between parts."""

from __future__ import annotations

from fenghuo.app.glue import query_options
from fenghuo.app.settings import AppSettings
from fenghuo.metrics.collect.settings import GlobalSettings


def test_a_subquery_without_a_step_takes_the_interval_of_evaluations() -> None:
    settings = AppSettings(global_=GlobalSettings.model_validate({"evaluation_interval": "30s"}))
    assert query_options(settings).subquery_step_ms == 30_000
    assert query_options(AppSettings()).subquery_step_ms == 60_000
