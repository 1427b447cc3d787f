"""Things that are named now and loaded when they are first needed.

What a module costs to load, every start pays. A registry of things that most runs do not need holds a
:class:`Later` for each. Tests resolve every one, since no type checker does.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Later:
    """``name`` in the module ``module``, which is loaded by :meth:`get`."""

    module: str
    name: str

    def get(self) -> Any:
        """The thing itself. The first call may take long: keep it off the event loop."""
        return getattr(importlib.import_module(self.module), self.name)
