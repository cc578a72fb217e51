"""What was heard: objects by kind and name, packed, with indices; and the queue of what has to be looked at again.

Manifests come in as watches, lists and answers bring them; manifests and names go out. No I/O.

Start reading at `hearing.py`: a manifest becomes an entry (`entry.py`) of the store (`store.py`), its news a change
(`change.py`), and that wakes keys (`wakes.py`) in the queue (`work_queue.py`). `lean.py` says which fields are kept.
"""
