"""The drift detector: a sidecar that counts what KServe's logger tells it, and keeps no rows.

It answers the logger at once and decides nothing: the operator fetches its counts and judges them.
It has no credentials of the API server.
"""
