"""Another engine that answers in place of our own: queries of people and of rules are put to it over HTTP.

What comes in: expressions and API requests. What goes out: its answers, translated where they are ours to use and
untouched where they are for people. What it owns: the connections, and the knowledge whether the engine answers.

How it fails: an engine that is away is an OperatingError that says so, is tried again with the next question, and
shows in :attr:`~fenghuo.metrics.remote.engine.RemoteEngine.trouble`; what the engine refuses is an InputError in its
words.

Deliberately absent: evaluation, caches, and more than one engine.
"""
