"""Decisions: what people decided, what each of them is bound to, and the way back that one of them can take.

Decisions and the draft come in; the draft goes out with what was honoured, refused or has yet to wait.

Start reading at `decisions.py`: stops first, the rest in the order in which it was decided, once each.
"""
