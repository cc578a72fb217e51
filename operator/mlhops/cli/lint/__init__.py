"""Lint of manifests without a cluster: what the API server would refuse, and what no schema can say.

Pure but for the schemas, which are read from the file beside this one: `documents` makes located JSON of YAML,
`structure`, `metadata` and `rules` are the API server's own checks, `advice` looks across objects.
"""
