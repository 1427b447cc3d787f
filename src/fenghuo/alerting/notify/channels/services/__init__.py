"""Alertmanager's kinds that differ in little but the words of their API: chats, pagers, ticket systems, queues.

Their settings (:mod:`chat`, :mod:`paging`) are checked as Alertmanager checks them, so that an existing file loads
unchanged and its mistakes are found. All of them send through one mechanism, :mod:`service`: templates in, requests
out; what a service calls its fields stands in one small class each.
"""
