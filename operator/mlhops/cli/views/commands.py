"""The commands that a person is told to type."""

from __future__ import annotations

PROGRAM = "kubectl mlhops"
_WHY = "--reason '...'"


def decide(verb: str, namespace: str, name: str, gates: tuple[str, ...] = ()) -> str:
    """Return the command for a Decision; flags stand after the plug-in's name, where kubectl takes them."""
    named = " ".join(f"--gate {gate}" for gate in gates or ("GATE",)) if verb == "override" else ""
    return " ".join(filter(None, (PROGRAM, verb, name, "-n", namespace, named, _WHY)))
