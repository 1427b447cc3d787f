"""Functions over windows of samples: the array work behind ``rate``, ``…_over_time`` and their kin.

A kernel takes :class:`~fenghuo.metrics.promql.windows.Windows` and gives values float64[n, S] and where they are
present, bool broadcastable to the same. Kernels hold no state and see no labels. What stands in ``values`` where
nothing is present means nothing. They run with NumPy's floating-point warnings off: infinities and NaN are data.
"""
