"""The shell around the plan: watch, gather, apply. kopf and the Kubernetes client are known here and nowhere else."""
