"""Scoring: from rows to what the served model says of them.

A `Table`, `LabelledRows` and endpoints come in; `Measured` goes out: scores and calls of the candidate and of stable,
answer times, and whether the model goes by the names of its inputs.

Start reading at `score.py`, then `predict.py`.
"""
