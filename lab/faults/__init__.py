"""What can go wrong between a client and the API server, on demand: a proxy with a script."""
