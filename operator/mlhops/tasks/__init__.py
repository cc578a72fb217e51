"""Tasks: one file for each type of outcome that models predict; today `binary.py` is the only one.

What a task calls a case of a measure, `measures` and the evaluator take from here. Imports nothing of the others,
and no NumPy.
"""
