"""From discovered groups to targets, as Prometheus populates and relabels their labels. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from fenghuo.base.document import RefusedError
from fenghuo.base.errors import InputError
from fenghuo.metrics.collect.discovery.groups import ADDRESS, TargetGroup
from fenghuo.metrics.collect.discovery.settings import check_address
from fenghuo.metrics.collect.settings import JobSettings
from fenghuo.model.duration import format_duration, parse_duration_ms
from fenghuo.model.labels import Labels
from fenghuo.model.relabel import relabel

SCHEME = "__scheme__"
METRICS_PATH = "__metrics_path__"
INTERVAL = "__scrape_interval__"
TIMEOUT = "__scrape_timeout__"
PARAM_PREFIX = "__param_"
META_PREFIX = "__meta_"
RESERVED_PREFIX = "__"
CONVERT_CLASSIC = "__convert_classic_histograms_to_nhcb__"
ALWAYS_CLASSIC = "__always_scrape_classic_histograms__"
NATIVE = "__scrape_native_histograms__"

_FLAG_TEXTS = frozenset(("1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"))


@dataclass(frozen=True, slots=True)
class Target:
    """Something to scrape. Two targets of one job are the same when ``key`` is."""

    job: str
    labels: Labels
    """What its series carry: the relabelled labels without those that start with ``__``."""
    internal: Labels
    """The relabelled labels, those that start with ``__`` included, ``__meta_*`` not."""
    discovered: Labels
    """The labels before relabelling."""
    url: str
    interval_ms: int
    timeout_ms: int

    @property
    def key(self) -> tuple[Labels, str]:
        return self.internal, self.url


@dataclass(frozen=True, slots=True)
class DroppedTarget:
    """A target that is not scraped: relabelling dropped it, or ``problem`` says why it cannot be."""

    job: str
    discovered: Labels
    problem: str = ""


def targets_of(job: JobSettings, groups: Sequence[TargetGroup]) -> tuple[list[Target], list[DroppedTarget]]:
    """The targets of ``groups`` under the settings of ``job``, and those that are left out.

    Targets that come out the same (all labels, URL) are one target, the first of them.
    """
    active: dict[tuple[Labels, str], Target] = {}
    dropped: list[DroppedTarget] = []
    for group in groups:
        for own in group.targets:
            discovered = discovered_labels(job, own, group.labels)
            try:
                target = _target(job, discovered)
            except InputError as error:
                dropped.append(DroppedTarget(job.job_name, discovered, f"{error.message} in group {group.source}"))
                continue
            if target is None:
                dropped.append(DroppedTarget(job.job_name, discovered))
            else:
                active.setdefault(target.key, target)
    return list(active.values()), dropped


def discovered_labels(job: JobSettings, own: Mapping[str, str], shared: Mapping[str, str]) -> Labels:
    """The labels of a target before relabelling: its own, its group's, and the job's where neither has them."""
    from_job = {
        "job": job.job_name,
        INTERVAL: format_duration(job.scrape_interval_ms),
        TIMEOUT: format_duration(job.scrape_timeout_ms),
        METRICS_PATH: job.metrics_path,
        SCHEME: job.scheme,
        CONVERT_CLASSIC: _flag(job.convert_classic_histograms_to_nhcb),
        ALWAYS_CLASSIC: _flag(job.always_scrape_classic_histograms),
        NATIVE: _flag(job.scrape_native_histograms),
        **{PARAM_PREFIX + name: values[0] for name, values in job.params.items() if values},
    }
    found = {**shared, **own}
    return Labels({**from_job, **{name: value for name, value in found.items() if value or name not in from_job}})


def _flag(value: bool | None) -> str:
    return "true" if value else "false"


def _target(job: JobSettings, discovered: Labels) -> Target | None:
    """The target, or None when relabelling drops it. Raises InputError when it cannot be scraped."""
    changed = relabel(discovered, job.relabel_configs)
    if changed is None:
        return None
    address = changed.get(ADDRESS, "")
    if not address:
        raise InputError("no address")
    try:
        check_address(address)
    except RefusedError as error:
        raise InputError(error.message) from error
    interval_ms, timeout_ms = _interval(changed, INTERVAL, "interval"), _interval(changed, TIMEOUT, "timeout")
    if timeout_ms > interval_ms:
        raise InputError(
            f'scrape timeout cannot be greater than scrape interval ("{changed[TIMEOUT]}" > "{changed[INTERVAL]}")'
        )
    for name in (CONVERT_CLASSIC, ALWAYS_CLASSIC, NATIVE):
        if changed.get(name, "true") not in _FLAG_TEXTS:
            raise InputError(f"label {name} is {changed[name]!r}, which is neither true nor false")
    internal = Labels(
        {"instance": address, **{name: value for name, value in changed.pairs if not name.startswith(META_PREFIX)}}
    )
    visible = Labels(pair for pair in internal.pairs if not pair[0].startswith(RESERVED_PREFIX))
    return Target(job.job_name, visible, internal, discovered, _url(job, internal), interval_ms, timeout_ms)


def _interval(labels: Labels, name: str, word: str) -> int:
    try:
        value_ms = parse_duration_ms(labels.get(name, ""))
    except InputError as error:
        raise InputError(f"error parsing scrape {word}: {error.message}") from error
    if value_ms == 0:
        raise InputError(f"scrape {word} cannot be 0")
    return value_ms


def _url(job: JobSettings, labels: Labels) -> str:
    """``scheme://address/path?params``: the parameters as the labels say, further values as the job does."""
    params = {name: list(values) for name, values in job.params.items()}
    for label, value in labels.pairs:
        if label.startswith(PARAM_PREFIX):
            name = label[len(PARAM_PREFIX) :]
            params[name] = [value, *params.get(name, [])[1:]]
    query = urlencode([(name, value) for name in sorted(params) for value in params[name]])
    path = quote(labels.get(METRICS_PATH, ""), safe="$&+,/:;=@")
    slash = "" if path.startswith("/") or not path else "/"
    return f"{labels.get(SCHEME, '')}://{labels[ADDRESS]}{slash}{path}" + (f"?{query}" if query else "")
