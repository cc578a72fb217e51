"""Evaluation: what is asked of an evaluator, how its Job is made, and what its answer proves.

The spec, Evaluations, Jobs and pods come in; intents for Jobs, the evidence of a candidate and the standing of what
serves go out.

Start reading at `gates.py` for the verdict and at `evaluator_job.py` for the Job.
"""
