"""The candidate: which revision it is, what keeps it from being served, and whether it may go on.

The spec, observed servers and the draft come in; the candidate of this pass, its blockers and its health go out.

Start reading at `candidate.py`; `blockers.py` is the chain of checks, `candidate_health.py` says whether it is well.
"""
