"""A program of this machine, from an allow-list, without a shell."""
