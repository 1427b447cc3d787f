"""Things that are loaded when they are first needed, and the registries that hold them: every one is there."""

from __future__ import annotations

import sys

import pytest

from fenghuo.app.configuration import LOAD_SETTINGS
from fenghuo.app.http_wiring import OWN_APPLICATION
from fenghuo.app.push_wiring import IMPORTER, RECEIVER
from fenghuo.base.late import Later
from fenghuo.cli.main import COMMANDS
from fenghuo.net.http_client import TRANSPORT
from fenghuo.state.database import INSERTS


def test_the_module_is_loaded_when_the_thing_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    later = Later("colorsys", "rgb_to_hsv")
    assert "colorsys" not in sys.modules

    assert later.get() is sys.modules["colorsys"].rgb_to_hsv


@pytest.mark.parametrize(
    "later",
    [*COMMANDS.values(), *INSERTS.values(), LOAD_SETTINGS, OWN_APPLICATION, IMPORTER, RECEIVER, TRANSPORT],
    ids=str,
)
def test_what_is_registered_is_there(later: Later) -> None:
    assert later.get() is not None
