"""Where other projects' test material lies: beside the checkout, never in it."""

from __future__ import annotations

from pathlib import Path

CONFORMANCE = Path(__file__).resolve().parents[2] / "shared" / "conformance"
