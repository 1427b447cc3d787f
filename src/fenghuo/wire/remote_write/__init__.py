"""Prometheus' remote write: requests of versions 1.0 and 2.0, from bytes to samples and back.

In: the body of a request as it came. :func:`unpacked` undoes its compression, :func:`decode_v1` and
:func:`decode_v2` read the protobuf message into a :class:`WriteRequest`, whose series are named by keys:
:func:`labels_of` turns a key into labels. The same series of the same sender has the same key in each request, so
that a receiver works out once what a key stands for. Out: :func:`encode_v1`, :func:`encode_v2` and :func:`packed`
make requests; what they make, the decoders read back bit for bit.

Foreign bytes never raise: what cannot be read is a :class:`WriteRequest` with a ``problem``, or a :class:`Problem`.

Deliberately absent: HTTP, what a receiver thinks of labels and times, and the content of native histograms, which
are counted only.
"""

from fenghuo.wire.remote_write.columns import encode_columns_v1, encode_columns_v2
from fenghuo.wire.remote_write.compression import Encoding, packed, unpacked
from fenghuo.wire.remote_write.decode_v1 import decode_v1
from fenghuo.wire.remote_write.decode_v2 import decode_v2
from fenghuo.wire.remote_write.encode import OutgoingSeries, encode_v1, encode_v2, label_bytes
from fenghuo.wire.remote_write.message import Key, Problem, WriteRequest, labels_of

__all__ = [
    "Encoding",
    "Key",
    "OutgoingSeries",
    "Problem",
    "WriteRequest",
    "decode_v1",
    "decode_v2",
    "encode_columns_v1",
    "encode_columns_v2",
    "encode_v1",
    "encode_v2",
    "label_bytes",
    "labels_of",
    "packed",
    "unpacked",
]
