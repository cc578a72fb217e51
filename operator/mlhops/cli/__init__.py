"""`kubectl mlhops`: what people ask of their models at a terminal, and the Decisions that they make there.

`views` are pure functions from manifests to what is shown, `text` writes that for people, `commands` ask the API
server by way of `kubectl`. Nothing here loads pydantic, a Kubernetes client or NumPy: half a second that each
press of the Tab key would take.
"""
