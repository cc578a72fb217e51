"""The steps of a rollout, a file a verb.

What is known of a candidate comes in, as a `StepContext`; whether the step under way is over goes out, as `Done`,
`Waiting` or `Failed`, each with what follows from it. A step writes nothing: `rollout/traffic/advance.py` applies it.

Start reading at `handler.py`, then at `approve.py`, the shortest.
"""
