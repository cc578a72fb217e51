"""The engine AlibiDetect, a plug-in: `sidecar` asks alibi-detect in a pod, `judging` judges what the pods told of it.

In come a MonitoringPolicy with this engine, rows as a detector counts them and reports of pods; out go tests in each
report, and findings of a look. The registries `mlhops.detector.engines` and `mlhops.monitoring.engines` know of it;
what it is asked and answers is schema (`mlhops.api.alibi`), of which others know no more than `mlhops.api.engine`.
Start reading at `sidecar/engine.py` and `judging.py`.
"""
