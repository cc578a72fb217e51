"""A stand-in for a Gateway API controller: Gateways and HTTPRoutes become Envoy's configuration.

The same Envoy answers, as a forward proxy, for the cluster's service names.
"""
