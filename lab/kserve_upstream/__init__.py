"""KServe itself: its controller, webhooks and agent, and all that its own kustomizations install.

Nothing of it is in this repository: Go fetches the module that `go.mod` names, once, and only when it is asked for.
"""
