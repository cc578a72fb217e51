"""Everybody else: who stands around the operator in tests, campaign and bench.

Builders make objects, `api.py` talks to a real API server, `fake_controllers.py` plays KServe, the Gateway, the kubelet
and people, `samples.py` and `refusals.py` are specs that the schema takes and refuses. Nothing here holds a test.
"""
