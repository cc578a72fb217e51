"""The profile: what a detector will count live requests against.

Reference rows and the revision's scores come in; a `Profile` goes out, and is handed over to the operator by HTTP,
since it is too large for a termination message.

Start reading at `reference.py`.
"""
