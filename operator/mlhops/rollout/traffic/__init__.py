"""Traffic: which weights the route may have, and what must hold before a candidate gets more.

The draft with its evidence comes in; the weights, in the order in which they are written, and each reason against a
raise go out.

Start reading at `advance.py`, which takes the steps; `guards.py` is the chain of checks before each raise.
"""
