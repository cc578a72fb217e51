"""A stand-in for KServe's controller and webhooks, Standard mode, one model a service.

It writes what the real one was seen to write, in the same order, its silences included: a crashed
model container is not reported, nor is a storage scheme that it does not know. Left out: HPA,
Ingress and HTTPRoute (as with `disableIngressCreation`), transformers, explainers, canaries and
Knative.
"""
