"""The controller: the operator's process around the pure plan.

Watch events and timers come in; writes to the API server, Events, metrics and CloudEvents go out. kopf and the
Kubernetes client are known here and nowhere else.

Start reading at `main.py`, then `reconcile/models.py`: gather, plan, apply, return. Rooms, each resting on those
after it: `endpoints` and `reconcile`, `sidecars`, `outbound`, `kube`, `cache`, `telemetry`.
"""
