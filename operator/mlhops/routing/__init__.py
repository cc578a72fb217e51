"""Routing: which revision gets which share of requests, as a router's objects say it. No I/O.

A model, the traffic that a plan asks for and a router's objects come in; manifests to apply and the observed route
go out.

Start reading at `router.py`, then at `gateway_api.py`; `registry.py` names the routers that there are,
and which of them a model has.
"""
