"""Measures: one entry for each metric of gates, from which all else that the operator knows of it follows.

An entry says of which gates and of which tasks it is a metric, which way is better, what it needs, how it is
measured and in which words it is told. The API's enum and rules, verdicts, sentences, reports and the docs' tables
are made from it.

Start reading at `measure.py`; the entries are in a file for each task, and in `latency.py`. Entries import no NumPy
until something is measured, since `api` reads them in an operator that measures nothing.
"""

from mlhops.measures import binary, latency, multiclass, regression

__all__ = ["binary", "latency", "multiclass", "regression"]
