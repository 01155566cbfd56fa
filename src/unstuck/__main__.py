"""``python -m unstuck`` is the command line."""

from unstuck.cli.main import main

if __name__ == "__main__":
    main()
