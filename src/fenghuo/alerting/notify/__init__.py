"""Telling one receiver about one group: decide, claim, send, mark.

In: a :class:`message.Message`, the group as it is now. Out: messages through channels, and entries in the
notification log. :mod:`decide` is the pure heart; :mod:`stage` runs it for one channel; :mod:`texts` makes words of
messages with templates, and :mod:`plain` without, when a template fails.
"""
