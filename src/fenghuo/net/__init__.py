"""Clients of other servers: HTTP and TLS as settings describe them.

In come settings and a request, out comes an answer or an OperatingError that names the place. Scraping, discovery
and notification channels share it. Deliberately absent: HTTP/2, and retries, which are the caller's.
"""
