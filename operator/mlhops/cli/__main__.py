"""`python -m mlhops.cli`, where the plug-in is not on the PATH."""

from mlhops.cli.main import run

run()
