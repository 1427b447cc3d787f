"""The command line: a file a group of commands.

Exit codes: 0 fine, 1 the answer is no (a file is bad, a test failed, an alert fires), 2 wrong use or a server that
cannot be started or reached. Every command that prints data takes ``--output json``.
"""
