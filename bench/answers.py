"""What KServe, a Gateway, the Job controller, an evaluator and a kubelet write."""

import json
from datetime import UTC, datetime

from lab.client import Object
from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.result import encode
from mlhops.rollout.evaluation.evaluator_pod import CONTAINER
from testkit import last_words


def moment() -> str:
    """Now, as Kubernetes writes times."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def service_status(name: str, namespace: str, *, ready: bool = True) -> Object:
    """The status of an InferenceService whose model is loaded, or no longer."""
    status = "True" if ready else "False"
    return {
        "address": {"url": f"http://{name}-predictor.{namespace}.svc.cluster.local"},
        "conditions": [{"type": "Ready", "status": status, "lastTransitionTime": moment()}],
        "modelStatus": {
            "states": {"activeModelState": "Loaded" if ready else ""},
            "transitionStatus": "UpToDate",
        },
    }


def route_status(route: Object) -> Object:
    """The status of an HTTPRoute that its Gateway has taken over as it is now."""
    parent = route["spec"]["parentRefs"][0]
    conditions = [
        {
            "type": type_,
            "status": "True",
            "reason": type_,
            "message": "",
            "observedGeneration": route["metadata"]["generation"],
            "lastTransitionTime": moment(),
        }
        for type_ in ("Accepted", "ResolvedRefs")
    ]
    return {
        "parents": [
            {
                "controllerName": "bench.example/gateway",
                "parentRef": {"name": parent["name"], "namespace": parent["namespace"]},
                "conditions": conditions,
            }
        ]
    }


def pod_of(job: Object) -> Object:
    """The pod that the Job controller makes."""
    metadata, template = job["metadata"], job["spec"]["template"]
    owner = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {
        "metadata": {
            "name": f"{metadata['name']}-0",
            "namespace": metadata["namespace"],
            "labels": template["metadata"]["labels"],
            "ownerReferences": [owner],
        },
        "spec": template["spec"],
    }


def pod_status(job: Object) -> Object:
    """The status of an evaluator's pod that has ended with all gates passed."""
    environment = job["spec"]["template"]["spec"]["containers"][0]["env"]
    spec = json.loads(next(e["value"] for e in environment if e["name"] == "MLHOPS_EVALUATION"))
    words = encode(last_words.said(spec, EvaluationPhase.SUCCESSFUL))
    ended = {"exitCode": 0, "reason": "Completed", "message": words}
    container = {
        "name": CONTAINER,
        "image": "none",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": {"terminated": ended},
    }
    return {"phase": "Succeeded", "containerStatuses": [container]}


def job_status() -> Object:
    """The status of a Job whose pod has succeeded."""
    now = moment()
    conditions = [
        {
            "type": type_,
            "status": "True",
            "reason": "CompletionsReached",
            "message": "",
            "lastProbeTime": now,
            "lastTransitionTime": now,
        }
        for type_ in ("SuccessCriteriaMet", "Complete")
    ]
    return {"startTime": now, "completionTime": now, "succeeded": 1, "conditions": conditions}


def crashed(restarts: int, words: str) -> Object:
    """The status of a model server's container that crashes again and again."""
    return {
        "name": "kserve-container",
        "image": "none",
        "imageID": "",
        "ready": False,
        "restartCount": restarts,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "message": words}},
    }
