"""The metric engine. A sample's way through it: ``collect`` -> ``store`` -> ``promql``.

The three do not import each other; each states what it needs as a Protocol beside its user.
"""
