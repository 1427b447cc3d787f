"""The texts of an alert: labels and annotations as templates over the series that raised it."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from fenghuo.base.errors import InputError, OperatingError
from fenghuo.model.labels import Labels
from fenghuo.rules.functions import CHECKED, Query, rule_functions
from fenghuo.template import Functions, Template

log = logging.getLogger(__name__)

_VARIABLES = ("$labels", "$externalLabels", "$externalURL", "$value")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is the same for all alerts of one evaluation."""

    functions: Functions
    external_labels: Labels
    external_url: str

    @staticmethod
    def of(query: Query, time_ms: int, external_labels: Labels, external_url: str) -> Surroundings:
        return Surroundings(rule_functions(query, time_ms, external_url), external_labels, external_url)


class AlertText:
    """One label's or annotation's template. Raises TemplateError when it cannot be parsed."""

    def __init__(self, text: str, alert: str) -> None:
        self._alert = alert
        self._text = text
        # Most labels are plain words; those need no template.
        plain = "{{" not in text
        self._template = None if plain else Template.parse(text, CHECKED, name=f"__alert_{alert}", variables=_VARIABLES)

    def expand(self, labels: Labels, value: float, surroundings: Surroundings) -> str:
        """The text for one series. A template that fails gives a text that says so: the alert is not lost for it."""
        if self._template is None:
            return self._text
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
