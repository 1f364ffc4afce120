"""`python -m prosa` and the `prosa` command."""

import sys


def main() -> None:
    """Run the command line; torch and its kin are imported by the commands that need them."""
    from prosa.cli.app import run  # noqa: PLC0415

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
