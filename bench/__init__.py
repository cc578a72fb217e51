"""Benchmarks of the operator and the evaluator: `python -m bench`."""
