"""Histories that could have been, for the judge: one step after the other, with what everybody sees of it."""

import base64
import copy
import hashlib
import json
import zlib
from typing import Self

from campaign.history import Version
from campaign.raw_json import Object, entries, part

NOW = "2026-03-01T12:00:00Z"
LATER = "2026-03-01T13:00:00Z"
GATES: list[Object] = [{"name": "equal-misses"}]
DATA: Object = {"uri": "pvc://held-out/sepsis.parquet"}
INTERFACE: Object = {"output": {"threshold": 0.4}}
GATES_HASH = "6a" * 32
STEPS: list[Object] = [{"setWeight": 10}, {"setWeight": 50}]


def _calling(revision: str) -> Object:
    """What has answers say which revision gave them."""
    header: Object = {"name": "mlhops-revision", "value": revision}
    return {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [header]}}


class History:
    """A model named `sepsis`, and whatever happens to it."""

    def __init__(self) -> None:
        self.versions: list[Version] = []
        self._live: dict[tuple[str, str], Object] = {}
        self._status: Object = {}
        self._spec: Object = {
            "rollout": {"steps": STEPS, "onFailure": "Rollback"},
            "evaluation": {"gates": GATES, "data": DATA},
            "interface": INTERFACE,
        }
        self._generation = 1
        self._leaves = False
        self.model()

    def model(self, **status: object) -> Self:
        """Change fields of the model's status; it is about the present spec where nothing else is said."""
        self._status = {**self._status, "observedGeneration": self._generation, **status}
        return self._put(
            "clinicalmodels",
            "sepsis",
            self._spec,
            status=self._status,
            generation=self._generation,
        )

    def wish(self, **spec: object) -> Self:
        """Somebody changes the model's spec; the status is still about the one before."""
        self._spec, self._generation = {**self._spec, **spec}, self._generation + 1
        return self.model(observedGeneration=self._generation - 1)

    def leave(self) -> Self:
        """Somebody deletes the model, and a finalizer holds it."""
        self._leaves = True
        return self.model(observedGeneration=self._status["observedGeneration"])

    def named(self, name: str, *hostnames: str) -> Self:
        """A route of another model, or the model's own, has these host names."""
        self._put(
            "httproutes",
            name,
            {
                "hostnames": list(hostnames),
                "rules": [
                    {
                        "matches": [{"path": {"type": "Exact", "value": "/v2/models/sepsis"}}],
                        "backendRefs": [
                            {
                                "name": "sepsis-a-predictor",
                                "weight": 100,
                                "filters": [_calling("a")],
                            }
                        ],
                    }
                ],
            },
            labels={"mlhops.io/model": name},
            managed={"manager": "mlhops", "fieldsV1": {"f:spec": {"f:rules": {}}}},
        )
        return self

    def candidate(self, revision: str, **fields: object) -> Self:
        """Make a revision the candidate, or change fields of it."""
        old = part(self._status, "candidate")
        same = old.get("revision") == revision
        begun: Object = {"createdAt": NOW, "attempt": 1, "gatesHash": GATES_HASH}
        base = old if same else {**begun, **_named(revision)}
        return self.model(candidate={**base, **fields})

    def proven(self, revision: str, phase: str = "Successful", gate: str = "") -> Self:
        """An Evaluation of a revision ends."""
        return self.evaluation(f"sepsis-{revision}-1", revision, phase, gate or phase)

    def evaluation(
        self,
        name: str,
        revision: str,
        phase: str,
        gate: str,
        *,
        said: str | None = None,
        **spec: object,
    ) -> Self:
        """An Evaluation is as it says; `said` is what its pod said, where that is something else."""
        measured: Object = {
            "model": "sepsis",
            "revision": revision,
            "digest": digest_of(revision),
            "endpoint": f"http://sepsis-{revision}-predictor.ward.svc.cluster.local",
            "gates": GATES,
            "data": DATA,
            "interface": INTERFACE,
            **spec,
        }
        if ("jobs", name) not in self._live:
            self._put("evaluations", name, measured)
            self._put("jobs", name, {}, owner=("Evaluation", f"uid-evaluations-{name}"))
        if phase:
            self.pod(name, gate if said is None else said)
        verdict: Object = {"phase": phase, "gates": [{"name": "equal-misses", "phase": gate}]}
        return self._put("evaluations", name, measured, status=verdict if phase else None)

    def pod(self, evaluation: str, phase: str) -> Self:
        """The evaluator ends with these words; without any where there is no phase."""
        words: Object = {"phase": phase, "gates": [{"name": "equal-misses", "phase": phase}]}
        packed = base64.b85encode(zlib.compress(json.dumps(words).encode())).decode()
        message = f"mlhops.io/evaluation.v1:{packed}" if phase else ""
        ended: Object = {"state": {"terminated": {"exitCode": 0, "message": message}}}
        return self._put(
            "pods",
            f"{evaluation}-pod",
            {},
            status={"containerStatuses": [ended]},
            owner=("Job", f"uid-jobs-{evaluation}"),
            labels={"mlhops.io/evaluation": evaluation},
        )

    def runs(self, revision: str, image: str) -> Self:
        """A pod of the revision's model server is ready, and runs this image."""
        status: Object = {
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "kserve-container", "imageID": f"x@{image}"}],
        }
        self._put("pods", f"{revision}-pod", {}, status=status, owner=("ReplicaSet", "uid-x"))
        metadata = part(self.versions[-1].object, "metadata")
        entries(metadata, "ownerReferences")[0]["name"] = f"sepsis-{revision}-predictor-x"
        return self

    def override(
        self,
        revision: str,
        expires: str = LATER,
        model: str = "sepsis",
        *,
        noted: str = GATES_HASH,
        **spec: object,
    ) -> Self:
        """Somebody lets the gate pass, and it is noted which gates there were."""
        told: Object = {"gates": ["equal-misses"], "expires": expires, **spec}
        self.decide("Override", revision, "let-through", model, "Honoured", **told)
        part(self.versions[-1].object, "status")["noted"] = {"gatesHash": noted}
        part(self._live["decisions", "let-through"], "status")["noted"] = {"gatesHash": noted}
        return self

    def decide(
        self,
        action: str,
        revision: str,
        name: str = "stop",
        model: str = "sepsis",
        phase: str = "",
        **spec: object,
    ) -> Self:
        """Somebody decides something, and is answered where there is a phase."""
        made: Object = {"model": model, "action": action, "revision": revision, **spec}
        return self._put("decisions", name, made, status={"phase": phase} if phase else None)

    def service(self, revision: str, uri: str = "s3://models", by: str = "mlhops") -> Self:
        """A revision's InferenceService is there, and a pod of it is ready."""
        self.runs(revision, "sha256:1")
        fields: Object = {"f:predictor": {"f:model": {"f:storageUri": {}}}}
        return self._put(
            "inferenceservices",
            f"sepsis-{revision}",
            {"predictor": {"model": {"storageUri": uri}}},
            managed={"manager": by, "fieldsV1": {"f:spec": fields}},
        )

    def asks(self, **floor: object) -> Self:
        """A safety board asks for something at least."""
        return self._put("clinicalstandards", "board", floor)

    def policy(self, **action: object) -> Self:
        """A policy has one action, `train`."""
        return self._put("monitoringpolicies", "ward", {"actions": [{"name": "train", **action}]})

    def retrained(self, name: str, at: str) -> Self:
        """The action has started a Job."""
        self._put("jobs", name, {}, labels={"mlhops.io/action": "train"}, status={"succeeded": 1})
        return self.made(at)

    def made(self, at: str) -> Self:
        """The latest object was created at a moment."""
        part(self.versions[-1].object, "metadata")["creationTimestamp"] = at
        return self

    def again(self, at: str) -> Self:
        """The latest object was created at a moment, as far as anybody sees from now on."""
        version = self.made(at).versions[-1]
        part(self._live[version.kind, version.name], "metadata")["creationTimestamp"] = at
        return self

    def profile(self, revision: str, content: str) -> Self:
        """A revision's profile is kept."""
        self._put("configmaps", f"sepsis-{revision}-profile", {})
        self.versions[-1].object["data"] = {"profile.json": content}
        return self

    def signed(self, revision: str, digest: str) -> Self:
        """The Evaluation of a revision ends, and says which profile it has made."""
        self.proven(revision)
        part(self.versions[-1].object, "status")["profile"] = {"digest": digest}
        return self

    def watched(self, revision: str) -> Self:
        """A detector stands beside a revision's model server."""
        before = part(self._live["inferenceservices", f"sepsis-{revision}"], "spec", "predictor")
        predictor = {**before, "containers": [{"name": "drift-detector"}]}
        return self._put("inferenceservices", f"sepsis-{revision}", {"predictor": predictor})

    def recorded(self, revision: str) -> Self:
        """A revision's record is kept."""
        return self._put("controllerrevisions", f"sepsis-{revision}", {})

    def configured(self, revision: str) -> Self:
        """A revision's detector is told what to count."""
        self._put("configmaps", f"sepsis-{revision}-detector", {})
        self.versions[-1].object["data"] = {"config.json": "{}"}
        return self

    def route(
        self,
        *,
        accepted: bool = True,
        by: str = "mlhops",
        path: str = "/v2/models/sepsis/infer",
        called: str = "",
        **weights: int,
    ) -> Self:
        """The route gives these weights by revision; answers call it so, or by its name."""
        backends: list[Object] = [
            {
                "name": f"sepsis-{revision}-predictor",
                "weight": weight,
                "filters": [_calling(called or revision)] if called != "-" else [],
            }
            for revision, weight in weights.items()
        ]
        match: Object = {"path": {"type": "Exact", "value": path}} if path else {}
        generation = len(self.versions)
        seen = generation if accepted else generation - 1
        condition = {"type": "Accepted", "status": "True", "observedGeneration": seen}
        return self._put(
            "httproutes",
            "sepsis",
            {"rules": [{"matches": [match], "backendRefs": backends}]},
            status={"parents": [{"conditions": [condition]}]},
            generation=generation,
            managed={"manager": by, "fieldsV1": {"f:spec": {"f:rules": {}}}},
        )

    def lost(self, service: str) -> Self:
        """An InferenceService says that it is the model's, and names no owner."""
        self._put("inferenceservices", service, {}, labels={"mlhops.io/model": "sepsis"})
        metadata = part(self.versions[-1].object, "metadata")
        del metadata["ownerReferences"]
        return self

    def told(self, times: int) -> Self:
        """An Event is posted again and again."""
        for number in range(times):
            self._put("events", f"sepsis.{number}", {})
            self.versions[-1].object.update(
                {"involvedObject": {"name": "sepsis"}, "reason": "Promoted", "message": "a serves"}
            )
        return self

    def delete(self, kind: str, name: str) -> Self:
        """An object is gone."""
        gone = self._live.pop((kind, name))
        self.versions.append(
            Version(len(self.versions) + 1, kind, "ward", name, gone, deleted=True)
        )
        return self

    def stable(self, revision: str, outcome: str = "Promoted", **status: object) -> Self:
        """A revision is promoted."""
        told = list(_history(self._status))
        last = told[-1]["hash"] if told else ""
        entry = {
            "revision": revision,
            "outcome": outcome,
            "previousHash": last,
            "hash": f"hash-{len(told)}",
        }
        candidate = part(self._status, "candidate")
        proof = candidate.get("proof") if candidate.get("revision") == revision else None
        serving = {**_named(revision), "proof": proof or _proof(revision)}
        return self.model(stable=serving, history=[*told, entry], **{"candidate": {}, **status})

    def _put(
        self,
        kind: str,
        name: str,
        spec: Object,
        *,
        status: Object | None = None,
        generation: int = 1,
        owner: tuple[str, str] = ("ClinicalModel", "uid-clinicalmodels-sepsis"),
        labels: Object | None = None,
        managed: Object | None = None,
    ) -> Self:
        at = len(self.versions) + 1
        metadata: Object = {
            "name": name,
            "namespace": "ward",
            "uid": f"uid-{kind}-{name}",
            "generation": generation,
            "resourceVersion": str(at),
            "managedFields": [{"time": NOW, **(managed or {})}],
            "labels": labels or {},
        }
        if kind == "clinicalmodels" and self._leaves:
            metadata |= {"deletionTimestamp": NOW, "finalizers": ["example.org/backup"]}
        if kind not in ("clinicalmodels", "decisions"):
            of, uid = owner
            reference = {"kind": of, "name": uid.rpartition("-")[2], "controller": True, "uid": uid}
            metadata["ownerReferences"] = [reference]
        live: Object = {"metadata": metadata, "spec": spec, "status": status or {}}
        self._live[kind, name] = live
        self.versions.append(Version(at, kind, "ward", name, copy.deepcopy(live)))
        return self


def first() -> History:
    """Revision `a` has come into service as it should."""
    return (
        History()
        .service("a")
        .candidate("a")
        .proven("a")
        .candidate("a", proof=_proof("a"))
        .stable("a")
        .route(a=100)
    )


def climbing() -> History:
    """Revision `b` has a tenth of the requests, as its first step allows."""
    return (
        first()
        .service("b")
        .candidate("b")
        .proven("b")
        .candidate("b", proof=_proof("b"), desiredWeight=10, stepIndex=0)
        .route(a=90, b=10)
    )


def promoted() -> History:
    """Revision `b` has come into service as it should, and `a` is kept."""
    return (
        climbing()
        .candidate("b", stepIndex=1, desiredWeight=50)
        .route(a=50, b=50)
        .candidate("b", stepIndex=2, desiredWeight=100)
        .route(b=100)
        .stable("b", previous={**_named("a"), "keptUntil": LATER})
    )


def _named(revision: str) -> Object:
    service = f"sepsis-{revision}"
    return {"revision": revision, "digest": digest_of(revision), "inferenceService": service}


def _proof(revision: str) -> Object:
    return {"evaluation": f"sepsis-{revision}-1", "digest": digest_of(revision)}


def digest_of(revision: str) -> str:
    """The sha256 of what a revision serves, as far as these histories go."""
    return hashlib.sha256(revision.encode()).hexdigest()


def _history(status: Object) -> list[Object]:
    found = status.get("history")
    return [dict(entry) for entry in found] if isinstance(found, list) else []
