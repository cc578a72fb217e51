"""The commands: each asks for manifests, has a view made of them, and writes it."""
