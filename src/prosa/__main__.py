"""`python -m prosa` and the `prosa` command."""

import os
import sys

from prosa.child import leave_current_folder


def main() -> None:
    """Run the command line; torch and its kin are imported by the commands that need them."""
    leave_current_folder()
    # How long a thread spins before it sleeps. A step took 43 ms with the usual 300,000 turns and
    # 1,660 beside another process, 48 and 214 so, and 107 and 73 where threads sleep at once.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    from prosa.cli.app import run  # noqa: PLC0415

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
