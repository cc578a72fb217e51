"""The evaluator: a Job that scores held-out data through the served endpoint and judges the gates.

An EvaluationSpec and the model's endpoints come in; a Result goes out as the pod's termination message, a profile
to the operator, a report to its sink. Rows never leave. The evaluator has no credentials of the API server.

Start reading at `run.py`. Each room rests on those before it: `data` reads rows, `scoring` asks the model, `verdict`
judges gates, `profile` sums up what the detector will count, `report` shows it all to people.
"""
