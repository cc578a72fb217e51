"""Standards: the floor of a safety board, and in what a model's spec falls short of it.

The spec, the standards that apply and the Overrides come in; shortfalls with their way out, and the condition
MeetsStandard, go out.

Start reading at `shortfalls.py`; `applying.py` says which standards apply, `floor.py` what follows for a rollout.
"""
