"""Reconciliation: one pass over one object.

A key comes in; an intent's writes go out, the status last. Objects are read cached or live as the plan needs.

Start reading at `models.py`, then `gather.py` (what is read), `facts.py` (objects to facts) and `apply.py` (intents
to writes).
"""
