"""Everything else: the services of the library apprise, where a plain message will do."""
