"""Text to tree: the grammar of PromQL.

In comes the text of a query; out goes a tree of the frozen nodes in :mod:`ast`, type-checked, with the place of
every node in the text, because annotations and errors name it. What is not PromQL raises ``ParseError`` in
Prometheus' words. Deliberately absent: anything that knows of data, time or the step of a query.
"""
