"""What leaves for other engines: samples are sent by remote write as they are appended.

What comes in: the store's log, followed from a position (:class:`~fenghuo.metrics.forward.ports.Tail`), and settings
in Prometheus' words. What goes out: remote write requests of version 1.0 or 2.0, in which the samples of a series
keep their order. What it owns: one file for each remote, which says up to where its receiver has everything.

The queue is the log itself. Nothing is copied, appending waits for nobody, and a receiver that was away for hours
gets everything once it is back, as far as ``queue_size`` reaches; beyond it the oldest samples are dropped and
counted. A sample may be sent twice, after a crash within a second of it, and is never left out.

How it fails: connection errors, 5xx and 429 are tried again without end, with back-off; what the receiver refuses for
good is dropped, counted and said in the log. One remote knows nothing of another.

Deliberately absent: what the store received before the remote was configured, samples imported as whole blocks, and
native histograms.
"""
