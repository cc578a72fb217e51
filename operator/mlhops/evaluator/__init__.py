"""The evaluator: a Job that scores held-out data through the served endpoint and judges the gates.

It has no credentials of the API server. Its verdict leaves the pod as the termination message; rows
never do.
"""
