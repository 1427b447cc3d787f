"""``rules`` and ``alerts``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fenghuo.api.params import ParameterError, Params, invalid, read_params
from fenghuo.api.prometheus.answer import answering, success_json
from fenghuo.api.prometheus.numbers import value_text
from fenghuo.api.prometheus.selectors import selector
from fenghuo.api.prometheus.times import rfc3339
from fenghuo.rules.views import AlertView, GroupView, RuleView

Groups = Callable[[], Sequence[GroupView]]


class RuleApi:
    """The handlers that show rules and the alerts that they raise."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups

    def routes(self) -> list[Route]:
        return [Route("/api/v1/rules", answering(self.rules)), Route("/api/v1/alerts", answering(self.alerts))]

    async def rules(self, request: Request) -> Response:
        params = await read_params(request)
        chosen = _Filter(params)
        groups = [
            view
            for group in sorted(self._groups(), key=lambda group: (group.file, group.name))
            if chosen.group(group) and (view := _group(group, chosen))["rules"]
        ]
        limit = params.limit("group_limit")
        start = _start(groups, params.get("group_next_token"))
        data: dict[str, object] = {"groups": groups[start : start + limit] if limit else groups[start:]}
        if limit and start + limit < len(groups):
            data["groupNextToken"] = _token(groups[start + limit])
        return success_json(data)

    async def alerts(self, request: Request) -> Response:
        found = [alert for group in self._groups() for rule in group.rules for alert in rule.alerts]
        return success_json({"alerts": [_alert(alert) for alert in found]})


class _Filter:
    """What the parameters of ``rules`` leave."""

    def __init__(self, params: Params) -> None:
        kind = params.get("type").lower()
        if kind not in ("", "alert", "record"):
            raise invalid("type", f'not supported value "{kind}"')
        self._kind = kind
        self._names = frozenset(params.all("rule_name[]"))
        self._groups = frozenset(params.all("rule_group[]"))
        self._files = frozenset(params.all("file[]"))
        self._matcher_sets = [selector(text) for text in params.all("match[]")]
        self.without_alerts = _flag(params, "exclude_alerts")

    def group(self, group: GroupView) -> bool:
        return (not self._groups or group.name in self._groups) and (not self._files or group.file in self._files)

    def rule(self, rule: RuleView) -> bool:
        return (
            self._kind in ("", "alert" if rule.is_alert else "record")
            and (not self._names or rule.name in self._names)
            and (
                not self._matcher_sets
                or any(all(each.matches_labels(rule.labels) for each in matchers) for matchers in self._matcher_sets)
            )
        )


def _flag(params: Params, name: str) -> bool:
    text = params.get(name)
    if text.lower() not in ("", "1", "t", "true", "0", "f", "false"):
        raise invalid(name, f'strconv.ParseBool: parsing "{text}": invalid syntax')
    return text.lower() in ("1", "t", "true")


def _token(group: dict[str, object]) -> str:
    return f"{group['file']};{group['name']}"


def _start(groups: Sequence[dict[str, object]], token: str) -> int:
    if not token:
        return 0
    for index, group in enumerate(groups):
        if _token(group) == token:
            return index
    raise ParameterError("invalid group_next_token, the rule group is not there any more")


def _group(group: GroupView, chosen: _Filter) -> dict[str, object]:
    return {
        "name": group.name,
        "file": group.file,
        "rules": [_rule(rule, chosen) for rule in group.rules if chosen.rule(rule)],
        "interval": group.interval_ms / 1000,
        "limit": group.limit,
        "evaluationTime": group.evaluation_s,
        "lastEvaluation": rfc3339(group.last_evaluation_ms),
    }


def _rule(rule: RuleView, chosen: _Filter) -> dict[str, object]:
    how_it_went = {
        "health": rule.health,
        **({"lastError": rule.last_error} if rule.last_error else {}),
        "evaluationTime": rule.evaluation_s,
        "lastEvaluation": rfc3339(rule.last_evaluation_ms),
    }
    labels = dict(rule.labels.pairs)
    if not rule.is_alert:
        return {
            "name": rule.name,
            "query": rule.expr,
            **({"labels": labels} if labels else {}),
            **how_it_went,
            "type": "recording",
        }
    return {
        "state": rule.alert_state,
        "name": rule.name,
        "query": rule.expr,
        "duration": rule.hold_ms / 1000,
        "keepFiringFor": rule.keep_firing_ms / 1000,
        "labels": labels,
        "annotations": dict(rule.annotations.pairs),
        "alerts": [] if chosen.without_alerts else [_alert(alert) for alert in rule.alerts],
        **how_it_went,
        "type": "alerting",
    }


def _alert(alert: AlertView) -> dict[str, object]:
    view: dict[str, object] = {
        "labels": dict(alert.labels.pairs),
        "annotations": dict(alert.annotations.pairs),
        "state": alert.state,
        "activeAt": rfc3339(alert.active_at_ms),
    }
    if alert.keep_firing_since_ms is not None:
        view["keepFiringSince"] = rfc3339(alert.keep_firing_since_ms)
    view["value"] = _exponent_text(alert.value)
    return view


def _exponent_text(value: float) -> str:
    """Alert values stand in Go's ``%e`` with as many digits as needed: ``1e+00``, ``8.25e+01``."""
    if value != value or value in (float("inf"), float("-inf")):
        return value_text(value)
    return next(text for digits in range(18) if float(text := f"{value:.{digits}e}") == value)
