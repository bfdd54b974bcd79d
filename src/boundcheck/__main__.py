"""``python -m boundcheck``."""

import sys

from boundcheck.cli.main import main

sys.exit(main())
