"""Revisions: which one a spec asks for, how it is named and kept, and the history of rollouts.

Specs, ControllerRevisions and an earlier status come in; names, digests, records and history entries go out.

Start reading at `revision.py`: what makes a revision, and the names that follow from it.
"""
