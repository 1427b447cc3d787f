"""Which receivers an alert goes to, and in which group.

In: an alert's labels. Out: the nodes of the route tree that it ends at, and the group that it joins there. The
tree is a pure function of its settings; :mod:`groups <fenghuo.alerting.route.groups>` owns the timers.
"""
