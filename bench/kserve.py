"""The operator beside KServe itself: what each asks at rest, and how soon the status says what is wrong."""

import json
import shutil
import time
from collections import Counter
from typing import cast

from bench.audit import AuditLog
from bench.results import Result
from bench.wards import wards
from lab.cluster import Cluster
from lab.kserve_upstream.controller import ACCOUNT
from mlhops.api.base import Json, Manifest
from testkit.api import until
from testkit.callers import GOOD, callers
from testkit.installed import USER
from testkit.lab_operator import LabOperator
from testkit.ward import Ward

MODELS = 10
SECONDS = 300.0
_PATIENCE = 300.0
_STEPS: Json = [
    {"setWeight": 10},
    {"pause": {"duration": "5s"}},
    {"setWeight": 50},
    {"pause": {"duration": "5s"}},
]
_ENFORCED = "pod-security.kubernetes.io/enforce"
_RUNTIME, _ACCOUNT = "kserve-later", "later"
_LATE = 20.0
"""So long a runtime is not there. KServe looks again after ever longer pauses."""
_TOLD = 15.0
"""Seconds within which the status is to name what is wrong."""


def at_rest() -> list[Result]:
    """Let ten models serve, and count what operator and KServe ask while nothing changes."""
    with wards(audited=(USER, ACCOUNT)) as (ward, _, cluster):
        served = [ward() for _ in range(MODELS)]
        for one in served:
            one.apply("1.0.0")
        for one in served:
            one.wait("Healthy", _PATIENCE, version="1.0.0")
        users = {"operator": USER, "KServe": ACCOUNT}
        logs = {name: AuditLog(cluster.control.audit_log, user) for name, user in users.items()}
        logs["operator"].read_until_quiet(45, _PATIENCE)
        logs["KServe"].read()
        time.sleep(SECONDS)
        found = {name: log.read() for name, log in logs.items()}
    what = f"{MODELS} models on KServe itself, at rest for {SECONDS:.0f} s"
    return [
        result
        for name, requests in found.items()
        for result in (
            Result(f"{what}, writes of {name}", requests.writes + requests.refused, "", 0),
            Result(f"{what}, reads of {name}", requests.reads, ""),
        )
    ]


def trouble() -> list[Result]:
    """Let everything happen that keeps a hospital's model from coming up, and look when the status says it."""
    with wards() as (ward, operator, cluster):
        return [
            *_storage(ward()),
            *_crash(ward()),
            *_runtime(ward()),
            *_quota(ward()),
            *_pod_security(ward()),
            *_account(ward()),
            *_operator_killed(ward(), operator),
            *_kserve_away(ward(), cluster),
        ]


def _storage(ward: Ward) -> list[Result]:
    changes: Manifest = {"predictor__storageUri": "http://127.0.0.1:1/model.joblib"}
    words = "container storage-initializer exited with code 1"
    return _told_and_ended("storageUri that is not there", ward, changes, words)


def _crash(ward: Ward) -> list[Result]:
    shutil.copytree(ward.models / "1.0.0", ward.models / "4.0.0")
    (ward.models / "4.0.0" / "model.joblib").write_bytes(b"not a model")
    changes: Manifest = {"predictor__storageUri": "pvc://models/4.0.0"}
    words = "container kserve-container exited with code 1"
    return _told_and_ended("crash at load", ward, changes, words)


def _runtime(ward: Ward) -> list[Result]:
    name = "runtime that is not there"
    changes: Manifest = {"predictor__runtime": _RUNTIME}
    told = _told(ward, changes, "Waiting for runtime to become available")
    time.sleep(_LATE)
    asked = ("get", "clusterservingruntime", "kserve-sklearnserver", "--output=json")
    copied = cast(Manifest, json.loads(ward.cluster.kubectl(*asked)))
    spec = cast(Manifest, copied["spec"])
    # KServe lets no two of a priority choose themselves for a format.
    formats = cast(list[Manifest], spec["supportedModelFormats"])
    spec["supportedModelFormats"] = [{**one, "autoSelect": False} for one in formats]
    ward.cluster.apply({**copied, "metadata": {"name": _RUNTIME}})
    return [_named(name, told), _serves(f"{name} for {_LATE:.0f} s", ward)]


def _quota(ward: Ward) -> list[Result]:
    hard: Json = {"limits.memory": "1Gi"}
    metadata: Manifest = {"name": "small", "namespace": ward.namespace}
    quota: Manifest = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata}
    ward.cluster.apply({**quota, "spec": {"hard": hard}})
    # The lab runs no quota controller, which would write this.
    counted = json.dumps({"status": {"hard": hard, "used": {"limits.memory": "0"}}})
    where = ("resourcequota", "small", "--namespace", ward.namespace)
    ward.cluster.kubectl("patch", *where, "--subresource=status", "--type=merge", "-p", counted)
    told = _told(ward, {}, "exceeded quota: small")
    ward.cluster.kubectl("delete", *where)
    return [_named("quota that is used up", told), _serves("quota that is used up", ward)]


def _pod_security(ward: Ward) -> list[Result]:
    name = "pods that PodSecurity forbids"
    ward.cluster.kubectl("label", "namespace", ward.namespace, f"{_ENFORCED}=restricted")
    changes: Manifest = {"predictor__securityContext": {"runAsUser": 0}}
    told = _told(ward, changes, "violates PodSecurity")
    ward.cluster.kubectl("label", "namespace", ward.namespace, f"{_ENFORCED}-")
    return [_named(name, told), _serves(name, ward)]


def _account(ward: Ward) -> list[Result]:
    name = "ServiceAccount that is not there"
    changes: Manifest = {"predictor__serviceAccountName": _ACCOUNT}
    told = _told(ward, changes, f'serviceaccount "{_ACCOUNT}" not found')
    ward.cluster.kubectl("create", "serviceaccount", _ACCOUNT, "--namespace", ward.namespace)
    return [_named(name, told), _serves(name, ward)]


def _operator_killed(ward: Ward, operator: LabOperator) -> list[Result]:
    """Once as soon as there is a candidate, once at 10 %, once at 50 %; started again two seconds later."""
    ward.serve()
    [first] = ward.weights()
    name = "operator killed three times in a rollout"
    with callers(ward, lambda _: GOOD) as statuses:
        begun = time.monotonic()
        ward.apply("3.0.0", rollout__steps=_STEPS)
        for weight in (0, 10, 50):
            until("so far", lambda weight=weight: _has(ward, first, weight), _PATIENCE)  # type: ignore[misc]
            operator.kill()
            time.sleep(2)
            operator.start()
        ward.wait("Healthy", _PATIENCE, version="3.0.0")
        seconds = time.monotonic() - begun
    return [
        Result(f"{name}: until the new version serves", round(seconds, 1), "s"),
        _failed(name, statuses),
    ]


def _has(ward: Ward, first: str, weight: int) -> bool:
    """Whether a candidate is there, with that weight."""
    if ward.model().status.candidate is None:
        return False
    return sum(one for name, one in ward.weights().items() if name != first) == weight


def _kserve_away(ward: Ward, cluster: Cluster) -> list[Result]:
    assert cluster.kserve is not None
    name = "KServe and its webhooks killed"
    ward.serve()
    with callers(ward, lambda _: GOOD) as statuses:
        cluster.kserve.kill()
        told = _told(ward, {}, "failed calling webhook", version="3.0.0")
        cluster.kserve.start()
        back = _serves(name, ward, version="3.0.0")
    return [_named(name, told), back, _failed(name, statuses)]


def _told_and_ended(name: str, ward: Ward, changes: Manifest, words: str) -> list[Result]:
    begun = time.monotonic()
    told = _told(ward, changes, words)
    ward.wait("Degraded", _PATIENCE)
    ended = round(time.monotonic() - begun, 1)
    return [_named(name, told), Result(f"{name}: until the rollout ends", ended, "s")]


def _told(ward: Ward, changes: Manifest, words: str, *, version: str = "1.0.0") -> float:
    begun = time.monotonic()
    ward.apply(version, **changes)
    ward.wait_for_message(words, _PATIENCE)
    return time.monotonic() - begun


def _named(name: str, seconds: float) -> Result:
    return Result(f"{name}: until the status says it", round(seconds, 1), "s", _TOLD)


def _serves(name: str, ward: Ward, *, version: str = "1.0.0") -> Result:
    begun = time.monotonic()
    ward.wait("Healthy", _PATIENCE, version=version)
    what = f"{name}: from its end until the version serves"
    return Result(what, round(time.monotonic() - begun, 1), "s")


def _failed(name: str, statuses: list[int]) -> Result:
    answers = Counter(statuses)
    failed = len(statuses) - answers[200]
    return Result(f"{name}: requests that failed of {len(statuses)}", failed, "", 0)
