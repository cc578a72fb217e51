"""What the operator answers: /metrics, /healthz and /readyz, from a thread of their own.

HTTP requests come in; pages go out. Each model's metrics are read from the cache when somebody asks.

Start reading at `server.py`.
"""
