"""Somebody else meddles with what the operator has made, or takes away what it needs."""
