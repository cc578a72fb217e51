"""MLHOps: an operator that runs clinical machine-learning models safely on KServe."""

__version__ = "0.1.0"
