"""The model card of a revision: what was asked of people, what was measured, and what follows from both.

Manifests come in, a `ModelCard` and its renderings go out; nothing here does input or output.

Start reading at `entries.py`: what a card is made of. `subject.py` finds what a card is about, `assemble.py` fills it.
"""
