"""Drift: profiles and windows as counts in bins, tests between them, and a budget of false alarms.

Reference values and counts of a window come in; shifts with p-values and the verdict of a look go out.

Start reading at `look.py`, then `binned_tests.py` and `budget.py`.
"""
