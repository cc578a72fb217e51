"""Requests to a model and its answers, in KServe's v1 and v2 protocols: what a body means, for evaluator and detector.

`request` writes what is asked, `rows` reads what callers ask, `answers` (of JSON, or of `tensors`) what the model
says, and `classes` which of its columns is the score. A body that does not say what it should raises a `FlawedError`:
the evaluator refuses it in a sentence, the detector counts it. Start at `request` and `answers`.
"""
