"""What must survive the process and is not a sample: alerts, who was told what, accounts.

In come small frozen values, out come the same; between them lie the tables of one SQL database, SQLite in the data
directory or PostgreSQL by URL. Each table has a repository with methods that its users declare as protocols; this
package knows none of the users. All methods block and are thread-safe: call them in worker threads.

A database that is locked, full, read-only, damaged or gone raises OperatingError with the remedy, and keeps
nothing of that call. Names that exist already raise InputError. SQLite runs in WAL mode with ``synchronous=NORMAL``:
a killed process loses nothing; a power cut may lose the last moments, which costs a repeated notice and never a
missed one, since alerts are reported again and unmarked notices are sent again.

Deliberately absent: an ORM, and anything that knows what the values mean.
"""

from fenghuo.state.database import Database
from fenghuo.state.state import State, open_state

__all__ = ["Database", "State", "open_state"]
