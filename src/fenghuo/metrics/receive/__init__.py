"""What others push: remote write requests and files of old samples, on their way into the store.

In: the body of a request and what its headers say. Out: a :class:`~fenghuo.metrics.receive.receipt.Receipt`, which
says how much was stored and what was refused for which reason, once the store has it. What can be stored is stored,
whatever else the request holds.

What it owns: the labels of each series by the bytes that name it in a sender's requests (bounded), and the metadata
that came with requests (bounded, in memory).

How it fails: foreign input never raises; a store that cannot write raises OperatingError.

Deliberately absent: HTTP, who may push, and native histograms, which are counted as refused.
"""
