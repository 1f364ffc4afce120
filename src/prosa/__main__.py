"""`python -m prosa` and the `prosa` command."""

import os
import sys

from prosa.child import leave_current_folder


def main() -> None:
    """Run the command line; torch and its kin are imported by the commands that need them."""
    leave_current_folder()
    # Threads that wait by spinning ruin a run as soon as another process wants a core: a training
    # step took 320 to 1,240 ms so, and 93 to 127 ms with threads that sleep, on a busy machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from prosa.cli.app import run  # noqa: PLC0415

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
