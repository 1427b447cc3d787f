"""``python -m fenghuo``: the command line."""

from fenghuo.cli.main import main

if __name__ == "__main__":
    main()
