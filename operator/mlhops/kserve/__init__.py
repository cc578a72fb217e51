"""KServe, as pure functions: what to apply, and what its objects say.

A revision comes in and its InferenceService goes out; InferenceServices, pods and ReplicaSets come in and health goes
out.

Start reading at `inferenceservice.py` and `health.py`.
"""
