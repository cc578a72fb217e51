"""`python -m mlhops.controller` runs the operator."""

import sys

from mlhops.controller.main import main

sys.exit(main())
