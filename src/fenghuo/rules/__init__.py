"""Rules: expressions that are asked at intervals, to write series under new names and to raise alerts.

In come rule files as Prometheus defines them (:mod:`loader`), a query function, a store and a function that takes
alerts (:class:`Ports`). Out go samples, alerts, and views for the API. :class:`RuleManager` is the service; what it
runs is synchronous and happens in worker threads.

The loader returns problems and raises nothing for what stands in a file. While running, the failure of a rule is
that rule's: it is shown in its view, counted, logged, and tried again at the next slot.

Deliberately absent: an expression parser and engine, which are handed in; grouping, silencing and sending of
alerts; evaluation of several rules of one group at the same time.
"""

from fenghuo.rules.functions import Query
from fenghuo.rules.loader import (
    Duplicate,
    Loaded,
    ReadExpr,
    RuleFile,
    duplicates,
    load_rule_file,
    load_rules,
    markets_of,
)
from fenghuo.rules.manager import RuleManager
from fenghuo.rules.plan import RulesSettings
from fenghuo.rules.ports import Notify, Ports, Store
from fenghuo.rules.views import AlertState, AlertView, GroupView, RuleHealth, RuleView

__all__ = [
    "AlertState",
    "AlertView",
    "Duplicate",
    "GroupView",
    "Loaded",
    "Notify",
    "Ports",
    "Query",
    "ReadExpr",
    "RuleFile",
    "RuleHealth",
    "RuleManager",
    "RuleView",
    "RulesSettings",
    "Store",
    "duplicates",
    "load_rule_file",
    "load_rules",
    "markets_of",
]
