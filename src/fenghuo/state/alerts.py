"""The alerts that were known when the process ended."""

from __future__ import annotations

import json
from collections.abc import Iterable

import orjson
from sqlalchemy import delete, select

from fenghuo.model.alert import Alert
from fenghuo.model.labels import Labels
from fenghuo.model.reading import Reading
from fenghuo.state.database import Database
from fenghuo.state.schema import alerts
from fenghuo.state.texts import storable

ROWS_AT_ONCE = 500
"""Rows named in one statement; SQLite bounds the number of its parameters."""


class AlertRepository:
    """Alerts by fingerprint."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self) -> list[tuple[Alert, bool]]:
        """Every alert, and whether its end was made up by us."""
        with self._database.read() as connection:
            rows = connection.execute(select(alerts)).all()
        return [
            (
                Alert(
                    labels=labels_from_json(row.labels),
                    starts_at_ms=row.starts_at_ms,
                    ends_at_ms=row.ends_at_ms,
                    annotations=labels_from_json(row.annotations),
                    generator_url=row.generator_url,
                    updated_at_ms=row.updated_at_ms,
                    reading=Reading.of_json(row.reading) if row.reading else None,
                ),
                row.end_is_ours,
            )
            for row in rows
        ]

    def save(self, held: Iterable[tuple[Alert, bool, int]]) -> None:
        """Insert or replace: alert (with its end), whether the end is ours, fingerprint."""
        rows = [
            {
                "fingerprint": f"{fingerprint:016x}",
                "labels": labels_to_json(alert.labels),
                "annotations": labels_to_json(alert.annotations),
                "generator_url": storable(alert.generator_url),
                "starts_at_ms": alert.starts_at_ms,
                "ends_at_ms": alert.ends_at_ms,
                "end_is_ours": end_is_ours,
                "updated_at_ms": alert.updated_at_ms,
                "reading": alert.reading.to_json() if alert.reading is not None else None,
            }
            for alert, end_is_ours, fingerprint in held
        ]
        with self._database.write() as connection:
            self._database.put(connection, alerts, rows, key=["fingerprint"])

    def remove(self, fingerprints: Iterable[int]) -> None:
        """Forget alerts; unknown ones are ignored."""
        names = [f"{fingerprint:016x}" for fingerprint in fingerprints]
        with self._database.write() as connection:
            for start in range(0, len(names), ROWS_AT_ONCE):
                some = names[start : start + ROWS_AT_ONCE]
                connection.execute(delete(alerts).where(alerts.c.fingerprint.in_(some)))


def labels_to_json(labels: Labels) -> str:
    pairs = dict(labels.pairs)
    try:
        return orjson.dumps(pairs).decode()
    except orjson.JSONEncodeError:  # Half a surrogate pair: no UTF-8, but JSON has a way to write it.
        return json.dumps(pairs)


def labels_from_json(text: str) -> Labels:
    return Labels(json.loads(text))
