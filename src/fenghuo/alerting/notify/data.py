"""What notification templates see: Alertmanager's data, under Alertmanager's names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from fenghuo.alerting.notify.message import FIRING, RESOLVED, IncidentView, Message, ToldAlert
from fenghuo.model.reading import Reading
from fenghuo.template import Exposed
from fenghuo.template.gotime import ZERO_TIME_NS, Time


class Pair(Exposed):
    """A label or annotation."""

    template_names: ClassVar[Mapping[str, str]] = {"Name": "name", "Value": "value"}

    def __init__(self, name: str, value: str) -> None:
        self.name = name
        self.value = value

    def __str__(self) -> str:
        return f"{{{self.name} {self.value}}}"


class Pairs(list[Pair], Exposed):
    """A list of pairs."""

    template_names: ClassVar[Mapping[str, str]] = {"Names": "names", "Values": "values"}

    def names(self) -> list[str]:
        return [pair.name for pair in self]

    def values(self) -> list[str]:
        return [pair.value for pair in self]


class Kv(dict[str, str], Exposed):
    """Labels or annotations."""

    template_type: ClassVar[str] = "template.KV"
    template_names: ClassVar[Mapping[str, str]] = {
        "SortedPairs": "sorted_pairs",
        "Remove": "remove",
        "Names": "sorted_names",
        "Values": "sorted_values",
    }
    template_missing: ClassVar[Any] = ""

    def sorted_pairs(self) -> Pairs:
        """By name, ``alertname`` before all others."""
        names = sorted(self, key=lambda name: (name != "alertname", name))
        return Pairs(Pair(name, self[name]) for name in names)

    def remove(self, names: list[str]) -> Kv:
        """A copy without these."""
        return Kv({name: value for name, value in self.items() if name not in names})

    def sorted_names(self) -> list[str]:
        return self.sorted_pairs().names()

    def sorted_values(self) -> list[str]:
        return self.sorted_pairs().values()


class Link(Exposed):
    """A page to go to."""

    template_names: ClassVar[Mapping[str, str]] = {"Name": "name", "URL": "url"}

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.url = url


class AlertData(Exposed):
    """One alert."""

    template_names: ClassVar[Mapping[str, str]] = {
        "Status": "status",
        "Labels": "labels",
        "Annotations": "annotations",
        "StartsAt": "starts_at",
        "EndsAt": "ends_at",
        "GeneratorURL": "generator_url",
        "Fingerprint": "fingerprint",
    }

    def __init__(
        self,
        status: str,
        labels: Kv | None = None,
        annotations: Kv | None = None,
        starts_at: Time | None = None,
        ends_at: Time | None = None,
        generator_url: str = "",
        fingerprint: str = "",
        reading: Reading | None = None,
    ) -> None:
        self.status = status
        self.labels = labels
        self.annotations = annotations
        self.starts_at = starts_at or Time(ZERO_TIME_NS)
        self.ends_at = ends_at or Time(ZERO_TIME_NS)
        self.generator_url = generator_url
        self.fingerprint = fingerprint
        self.reading = reading
        """For :mod:`facts`; templates reach it through them."""

    @classmethod
    def of(cls, alert: ToldAlert) -> AlertData:
        return cls(
            alert.status,
            Kv(alert.labels),
            Kv(alert.annotations),
            Time.of_ms(alert.starts_at_ms),
            None if alert.ends_at_ms is None else Time.of_ms(alert.ends_at_ms),
            alert.generator_url,
            alert.fingerprint_hex,
            alert.reading,
        )

    def template_json(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "labels": self.labels,
            "annotations": self.annotations,
            "startsAt": self.starts_at,
            "endsAt": self.ends_at,
            "generatorURL": self.generator_url,
            "fingerprint": self.fingerprint,
        }


class AlertsData(list[AlertData], Exposed):
    """The alerts of a message."""

    template_names: ClassVar[Mapping[str, str]] = {"Firing": "firing", "Resolved": "resolved"}

    def firing(self) -> AlertsData:
        return AlertsData(alert for alert in self if alert.status == FIRING)

    def resolved(self) -> AlertsData:
        return AlertsData(alert for alert in self if alert.status == RESOLVED)


class IncidentData(Exposed):
    """The incident of a message. Every field is empty where there is none."""

    template_names: ClassVar[Mapping[str, str]] = {
        "ID": "id",
        "Priority": "priority",
        "State": "state",
        "AnswerURL": "answer_url",
        "AcknowledgedBy": "acknowledged_by",
        "Assignee": "assignee",
    }

    def __init__(self, view: IncidentView | None = None) -> None:
        self.id = "" if view is None else view.id
        self.priority = "" if view is None else str(view.priority)
        self.state = "" if view is None else str(view.state)
        self.answer_url = "" if view is None else view.answer_url
        self.acknowledged_by = "" if view is None else view.acknowledged_by
        self.assignee = "" if view is None else view.assignee


class MessageData(Exposed):
    """The dot of every notification template."""

    template_names: ClassVar[Mapping[str, str]] = {
        "Receiver": "receiver",
        "Status": "status",
        "Alerts": "alerts",
        "GroupLabels": "group_labels",
        "CommonLabels": "common_labels",
        "CommonAnnotations": "common_annotations",
        "ExternalURL": "external_url",
        "RouteLabels": "route_labels",
        "NotificationReason": "reason",
        "GroupKey": "group_key",
        "Incident": "incident",
        "FiringCount": "firing_count",
        "Actions": "actions",
        "Plots": "plots",
        "LeftOut": "left_out",
        "InsteadOf": "instead_of",
    }

    def __init__(self, alerts: Iterable[AlertData], **fields: Any) -> None:
        self.receiver: str = fields.get("receiver", "")
        self.alerts = AlertsData(alerts)
        self.status: str = fields.get("status", "")
        self.group_labels: Kv = fields.get("group_labels") or Kv()
        self.common_labels: Kv = fields.get("common_labels") or Kv()
        self.common_annotations: Kv = fields.get("common_annotations") or Kv()
        self.external_url: str = fields.get("external_url", "")
        self.route_labels: Kv = fields.get("route_labels") or Kv()
        self.reason: str = fields.get("reason", "")
        self.group_key: str = fields.get("group_key", "")
        self.incident: IncidentData = fields.get("incident") or IncidentData()
        self.firing_count: int = fields.get("firing_count", len(self.alerts.firing()))
        """Of the whole message, however many of its alerts a text has room for."""
        self.actions: Sequence[Link] = fields.get("actions", ())
        """Where to answer, where the text has to say it: none when the channel shows buttons."""
        self.plots: Sequence[Link] = fields.get("plots", ())
        """Pictures of what is watched, for mails."""
        self.instead_of: str = fields.get("instead_of", "")
        """The receiver that could not be told."""
        self.left_out = ""
        """Says how many alerts a mail has no room for; empty when it has all."""

    @classmethod
    def of(cls, message: Message, kept: Sequence[ToldAlert] | None = None, actions: Sequence[Link] = ()) -> MessageData:
        """``kept`` are the alerts to speak of, where there is no room for all; everything else is of the whole."""
        return cls(
            [AlertData.of(alert) for alert in (message.alerts if kept is None else kept)],
            receiver=message.receiver,
            status=message.status,
            group_labels=Kv(message.group_labels),
            common_labels=Kv(message.common_labels),
            common_annotations=Kv(message.common_annotations),
            external_url=message.external_url,
            route_labels=Kv(message.route_labels),
            reason=message.reason,
            group_key=message.group_key,
            incident=IncidentData(message.incident),
            firing_count=len(message.firing),
            actions=actions,
            instead_of=message.instead_of,
        )
