"""Histories that could have been, for the judge: one step after the other, with what everybody sees of it."""

import copy
from typing import Self

from campaign.facts import Object, part
from campaign.history import Version

NOW = "2026-03-01T12:00:00Z"
LATER = "2026-03-01T13:00:00Z"
GATES: list[Object] = [{"name": "equal-misses"}]
DATA: Object = {"uri": "pvc://held-out/sepsis.parquet"}
STEPS: list[Object] = [{"setWeight": 10}, {"setWeight": 50}]


class History:
    """A model named `sepsis`, and whatever happens to it."""

    def __init__(self) -> None:
        self.versions: list[Version] = []
        self._live: dict[tuple[str, str], Object] = {}
        self._status: Object = {"observedGeneration": 1}
        self.model()

    def model(self, **status: object) -> Self:
        """Change fields of the model's status."""
        self._status = {**self._status, **status}
        return self._put(
            "clinicalmodels",
            "sepsis",
            {"rollout": {"steps": STEPS}, "evaluation": {"gates": GATES, "data": DATA}},
            status=self._status,
        )

    def candidate(self, revision: str, **fields: object) -> Self:
        """Make a revision the candidate, or change fields of it."""
        old = part(self._status, "candidate")
        same = old.get("revision") == revision
        base = old if same else {"createdAt": NOW, "attempt": 1, **_named(revision)}
        return self.model(candidate={**base, **fields})

    def proven(self, revision: str, phase: str = "Successful", gate: str = "") -> Self:
        """An Evaluation of a revision ends."""
        return self.evaluation(f"sepsis-{revision}-1", revision, phase, gate or phase)

    def evaluation(self, name: str, revision: str, phase: str, gate: str) -> Self:
        """An Evaluation is as it says."""
        spec: Object = {"model": "sepsis", "revision": revision, "gates": GATES, "data": DATA}
        said = [{"name": "equal-misses", "phase": gate}]
        return self._put("evaluations", name, spec, status={"phase": phase, "gates": said})

    def override(self, revision: str, expires: str = LATER) -> Self:
        """Somebody lets the gate pass."""
        spec: Object = {
            "action": "Override",
            "revision": revision,
            "gates": ["equal-misses"],
            "expires": expires,
        }
        return self._put("decisions", "let-through", spec)

    def answered(self, phase: str) -> Self:
        """The operator says what became of a Decision."""
        return self._put("decisions", "stop", {"action": "Abort"}, status={"phase": phase})

    def service(self, revision: str, uri: str = "s3://models") -> Self:
        """A revision's InferenceService is there."""
        return self._put(
            "inferenceservices",
            f"sepsis-{revision}",
            {"predictor": {"model": {"storageUri": uri}}},
        )

    def route(self, *, accepted: bool = True, **weights: int) -> Self:
        """The route gives these weights by revision."""
        backends = [
            {"name": f"sepsis-{revision}-predictor", "weight": weight}
            for revision, weight in weights.items()
        ]
        generation = len(self.versions)
        seen = generation if accepted else generation - 1
        condition = {"type": "Accepted", "status": "True", "observedGeneration": seen}
        return self._put(
            "httproutes",
            "sepsis",
            {"rules": [{"backendRefs": backends}]},
            status={"parents": [{"conditions": [condition]}]},
            generation=generation,
        )

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
        serving = {**_named(revision), "proof": _proof(revision)}
        return self.model(stable=serving, history=[*told, entry], **{"candidate": {}, **status})

    def _put(
        self,
        kind: str,
        name: str,
        spec: Object,
        *,
        status: Object | None = None,
        generation: int = 1,
    ) -> Self:
        at = len(self.versions) + 1
        metadata: Object = {
            "name": name,
            "namespace": "ward",
            "uid": f"uid-{kind}-{name}",
            "generation": generation,
            "resourceVersion": str(at),
            "managedFields": [{"time": NOW}],
        }
        if kind not in ("clinicalmodels", "decisions"):
            reference = {"kind": "ClinicalModel", "name": "sepsis", "controller": True}
            metadata["ownerReferences"] = [{**reference, "uid": "uid-clinicalmodels-sepsis"}]
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
    return {"revision": revision, "inferenceService": f"sepsis-{revision}"}


def _proof(revision: str) -> Object:
    return {"evaluation": f"sepsis-{revision}-1"}


def _history(status: Object) -> list[Object]:
    found = status.get("history")
    return [dict(entry) for entry in found] if isinstance(found, list) else []
