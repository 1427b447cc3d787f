"""Service discovery: from ``…_sd_configs`` to groups of targets.

In come settings, out go :class:`~.groups.TargetGroup` values, always the full set of one job. A source that fails
(a broken file, a server that does not answer) keeps the groups that it last gave, and says what is wrong in its
state; it never takes targets away because it cannot read them. Relabelling and the choice of what is scraped are
not here (:mod:`fenghuo.metrics.collect.targets`). Absent on purpose: systems other than static, file and HTTP;
their keys load (:mod:`.foreign`) and are reported as not acted on.
"""
