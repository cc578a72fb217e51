"""Deterministic simulation: the operator's own code against an API server in memory, on a virtual clock.

Everything that happens is drawn from a seed: what people, KServe, the Gateway, evaluators, the garbage collector and
strangers do, which requests fail, which answers are lost, what the watches tell late or never, and when the operator
is killed. One step is one request of the operator or one action of anybody else.
"""
