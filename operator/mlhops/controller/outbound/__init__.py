"""HTTP to what may be anybody's: pods and CloudEvents receivers; bounded in time, size and number.

Start reading at `session.py`.
"""
