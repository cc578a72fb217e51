"""Held-out data: from a URI to columns of rows with their label and subgroups.

A DataSource comes in; a `Table` of typed columns and `LabelledRows` go out. Whatever is wrong with the data is an
EvaluationError that names the column, never a value.

Start reading at `source.py` (URI to local file), then `read.py` (file to columns) and `labelled_rows.py`.
"""
