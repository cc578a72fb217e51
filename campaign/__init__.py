"""Faults at every point of every rollout story, under a judge that knows nothing of the operator's code."""
