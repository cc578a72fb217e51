"""`python -m mlhops.controller` runs the operator."""

import sys

from mlhops.controller.main import main

if __name__ == "__main__":
    sys.exit(main())
