"""Inference for gates: estimates, simultaneous intervals and sample sizes. Knows no metric by name.

Labels, calls and scores by row come in (`label: bool[n]`, `score: float[n]`); gaps with intervals go out.

Start reading at `contrasts.py` (intervals that hold for all groups at once), then `comparisons.py` (rates) and
`influence.py` and `performance.py` (all other measures).
"""
