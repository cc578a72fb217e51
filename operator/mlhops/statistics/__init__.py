"""Statistics: what data say about a model. Only NumPy, no I/O.

Arrays come in; estimates, intervals and p-values go out. `inference` serves the gates, `drift` the detector and the
operator's judgement of its windows; they share `arrays.py`, `values.py` and `numerals.py`.
"""
