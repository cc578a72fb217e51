"""What the operator tells of itself as it works: metrics, log lines, and the id of a pass.

Start reading at `metrics.py`.
"""
