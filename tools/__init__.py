"""Generators and checks of what the repository holds: CRDs, roles, reference, metrics page, SBOMs, licences, versions.

Types and tables of the product come in; files go out. `make check` runs each with `--check`. The product imports none.
"""
