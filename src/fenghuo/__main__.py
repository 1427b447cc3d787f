"""``fenghuo`` and ``python -m fenghuo``: the command line, or a word about what it needs.

The distribution's base weight is the SDK; the command line comes with the extra ``server``.
"""

from __future__ import annotations

import importlib
import sys


def main() -> None:
    """Run the command line. Exit code 2 when only the SDK is installed."""
    try:
        command_line = importlib.import_module("fenghuo.cli.main")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("fenghuo"):
            raise
        sys.stderr.write(
            f"error: only the SDK is installed, {error.name} is missing\n"
            "  → install the program with its extra: pip install 'fenghuo[server]'\n"
        )
        sys.exit(2)
    command_line.main()


if __name__ == "__main__":
    main()
