"""Run the command line: ``python -m fastpid``."""

from fastpid.cli import main

raise SystemExit(main())
