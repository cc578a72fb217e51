"""Monitoring: what looks at live traffic came to, and what a policy does about that.

Snapshots of drift and of requests come in; verdicts, conditions, Events, Jobs that retrain and CloudEvents go out.
None of these can give a candidate more traffic.

Start reading at `monitoring.py` for the verdict and at `actions.py` for what follows from it.
"""
