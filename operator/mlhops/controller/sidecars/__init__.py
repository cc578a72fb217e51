"""Sidecars: asks the detectors in models' pods what they have counted, and how callers are answered.

Models and their pods come in; looks for the planner go out. Nothing that a pod says raises a weight by itself.

Start reading at `scrape.py` (drift) and `serving.py` (requests, failures, latency).
"""
