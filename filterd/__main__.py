"""`python -m filterd` is `filterd`."""

import sys

from filterd.cli.main import main

sys.exit(main())
