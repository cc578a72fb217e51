"""The API server: reads, writes, watches and the lease.

Kinds and manifests come in; answers, or an ApiError, go out. Each write is bound to the version that was seen and to
the term of the lease.

Start reading at `client.py`, then `reader.py` (cached and live reads) and `watch.py` (kopf's part).
"""
