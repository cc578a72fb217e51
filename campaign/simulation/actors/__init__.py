"""Everybody but the operator: each does one thing at a time, or nothing where there is nothing to do."""
