"""``/api/v1``: the Prometheus HTTP API, in Prometheus' exact JSON, GET and POST.

What comes in is a request, what goes out is the JSON that Prometheus 3 would have written, errors and their types
included. Query evaluation runs in worker threads; a client that goes away cancels its query.
"""
