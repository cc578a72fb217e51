"""In the pod: rows are held in memory, and a process beside the detector asks alibi-detect about them."""
