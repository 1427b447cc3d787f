"""The texts of an alert: labels and annotations as templates over the series that raised it."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass

from fenghuo.base.errors import InputError, OperatingError
from fenghuo.model.labels import Labels
from fenghuo.rules.functions import CHECKED, Query, rule_functions
from fenghuo.template import Functions, Template
from fenghuo.template.formatting import show

log = logging.getLogger(__name__)

_VARIABLES = ("$labels", "$externalLabels", "$externalURL", "$value")
_INSERT = re.compile(r"\{\{ *\$(?:labels\.([A-Za-z_][A-Za-z0-9_]*)|(labels)|(value)) *\}\}")
_INSERTS_MAX = 32
"""More places than this are left to the template, which watches over the length of the text."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is the same for all alerts of one evaluation."""

    functions: Functions
    external_labels: Labels
    external_url: str

    @staticmethod
    def of(query: Query, time_ms: int, external_labels: Labels, external_url: str) -> Surroundings:
        return Surroundings(rule_functions(query, time_ms, external_url), external_labels, external_url)


class Inserts:
    """A text that only has labels and the value put in, as most do: written in a tenth of a template's time.

    ``parts`` are literal texts, every other one followed by what stands behind it, as ``_INSERT`` splits them.
    """

    def __init__(self, parts: Sequence[str | None]) -> None:
        self._parts = parts

    @staticmethod
    def of(text: str) -> Inserts | None:
        """The text taken apart; None when it has any other action."""
        parts = _INSERT.split(text)
        if len(parts) > 4 * _INSERTS_MAX or any("{{" in str(literal) for literal in parts[0::4]):
            return None
        return Inserts(parts)

    def expand(self, labels: Labels, value: float) -> str:
        pieces: list[str] = []
        for at in range(0, len(self._parts) - 1, 4):
            literal, name, whole, _ = self._parts[at : at + 4]
            pieces.append(literal or "")
            if name is not None:
                pieces.append(labels.get(name, ""))
            elif whole is not None:
                pieces.append(f"map[{' '.join(f'{label}:{text}' for label, text in labels.pairs)}]")
            else:
                pieces.append(show(value))
        pieces.append(self._parts[-1] or "")
        return "".join(pieces)


class AlertText:
    """One label's or annotation's template. Raises TemplateError when it cannot be parsed."""

    def __init__(self, text: str, alert: str) -> None:
        self._alert = alert
        self._inserts = Inserts.of(text)
        self._template = (
            None
            if self._inserts is not None
            else Template.parse(text, CHECKED, name=f"__alert_{alert}", variables=_VARIABLES)
        )

    def expand(self, labels: Labels, value: float, surroundings: Surroundings) -> str:
        """The text for one series. A template that fails gives a text that says so: the alert is not lost for it."""
        if self._inserts is not None:
            return self._inserts.expand(labels, value)
        assert self._template is not None
        data = {
            "Labels": labels,
            "ExternalLabels": surroundings.external_labels,
            "ExternalURL": surroundings.external_url,
            "Value": value,
        }
        variables = dict(zip(_VARIABLES, data.values(), strict=True))
        try:
            return self._template.render(data, variables, surroundings.functions)
        except (InputError, OperatingError) as error:
            log.warning("a template of alert %s failed: %s", self._alert, error)
            return f"<error expanding template: {error}>"
