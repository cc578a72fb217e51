"""What was heard: objects by kind and name, packed, with indices; and the queue of what has to be looked at again.

Manifests come in as watches and answers bring them; manifests and names go out. No I/O.

Start reading at `store.py`; `lean.py` says which fields are kept.
"""
