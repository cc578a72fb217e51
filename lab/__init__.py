"""A Kubernetes cluster on loopback, without containers: for demo, tests and benchmarks."""
