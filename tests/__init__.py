"""A package of its own, because some distributions install one of the same name."""
