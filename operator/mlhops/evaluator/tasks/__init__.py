"""What differs between types of outcomes when a model is evaluated: from its answers to what is measured.

A task's handler decodes answers, says why they cannot be judged, and gives measures the rows as they need them. How
labels are read is in `data/labels.py`, which figures a report shows in `report/`; all of them ask mypy for a case of
each task.

Start reading at `handler.py`; there is one file for each task.
"""
