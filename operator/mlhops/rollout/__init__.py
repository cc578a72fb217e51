"""The rollout: what to do next, without a clock, a client or a cluster.

Observed facts and a time come in; a Plan goes out: intents, the new status, Events.

Start reading at `plan.py`, which is the rollout as a list of verbs. A verb's folder says what it decides: `revisions`,
`candidate`, `evaluation`, `decisions`, `traffic` with its `steps`, `monitoring`; `draft.py` is what they hand on.
"""
