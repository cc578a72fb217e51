"""The verdict: from what was measured to the result of each gate.

`LabelledRows` and `Measured` come in; a `Judgement` goes out: a GateResult for each gate with its sentence, and the
numbers on which it rests. No I/O. No count leaves this room but through `cell_counts.py` and `disclosure.py`.

Start reading at `judge.py`, then one file a type of gate: `fairness.py`, `performance.py`, `noninferiority.py`,
`latency.py`.
"""
