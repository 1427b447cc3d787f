"""The entry point where only the SDK is installed."""

from __future__ import annotations

import sys

import pytest

from fenghuo.__main__ import main


def test_the_sdk_alone_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("fenghuo.cli")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "typer", None)

    with pytest.raises(SystemExit) as caught:
        main()

    assert caught.value.code == 2
    assert "typer is missing" in capsys.readouterr().err
