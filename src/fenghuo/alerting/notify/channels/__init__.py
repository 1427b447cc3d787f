"""The ways to reach people. One folder a kind: its settings, its code, its default template.

A channel delivers one message or raises :class:`channel.ChannelError`, which says whether another try may help; it
never retries itself and keeps no memory but a platform's access token. :mod:`registry` is the one place that names
them all. :mod:`services` holds the many kinds that differ in little but the words of their API.
"""
