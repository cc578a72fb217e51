"""A stand-in for the kubelet: pods are real processes, each pod with its own loopback address."""
