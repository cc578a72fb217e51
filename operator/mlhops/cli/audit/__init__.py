"""The audit bundle: all that is on record of a model, with sums and signed statements that anybody can check.

Manifests come in and files go out as bytes by their names, and the same back for a check; nothing here reads or writes
a disk or a cluster.

Start reading at `bundle.py`: what is in a bundle. `check.py` says whether one holds, `timeline.py` who did what when.
"""
