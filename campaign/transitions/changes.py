"""For each leaf: other values that the schema may take, and specs without it.

Values follow from the schema. Where rules between fields (CEL) ask for more than one change at a time, a table
says what goes along. The API server has the last word on each; the first that it takes is the one that counts.
"""

import re
from collections.abc import Iterator
from typing import cast

from campaign.raw_json import undescribed
from campaign.transitions.base import BASE
from campaign.transitions.leaves import Leaf, Spot, spots
from campaign.transitions.places import spot_of, value_at, with_value, without_value
from mlhops.api.base import Json, Manifest

Also = tuple[tuple[str, Json], ...]
"""Spots and the values that they get in the same change; `GONE` removes."""
GONE: Json = "(gone)"

_BINARY: Also = (
    ("interface.task", GONE),
    ("interface.output", cast(Manifest, BASE["interface"])["output"]),
    ("evaluation.gates", cast(Manifest, BASE["evaluation"])["gates"]),
)

SAMPLES: dict[str, tuple[Also, ...]] = {
    # A gate of the other type takes other metrics, and other fields along with them.
    "evaluation.gates[].type": (
        (
            ("evaluation.gates.2.type", "Fairness"),
            ("evaluation.gates.2.metric", "SelectionRate"),
            ("evaluation.gates.2.across", {"groups": ["sex"]}),
            ("evaluation.gates.2.nonInferiority", GONE),
        ),
    ),
    # A reference has a value of each group that is compared.
    "evaluation.gates[].reference[].group": (
        (
            ("evaluation.gates.1.across.groups.0", "site"),
            ("evaluation.gates.1.reference.0.group", "site"),
        ),
    ),
    # What a gate compares has to be declared as a group.
    "evaluation.gates[].across.groups[]": ((("evaluation.gates.0.across.groups.0", "site"),),),
    "evaluation.gates[].across.intersections[][]": (
        (("evaluation.gates.0.across.intersections.0.1", "site"),),
    ),
    # Gates speak of groups by their names.
    "interface.groups[].name": ((("interface.groups.2.name", "clinic"),),),
    # A Matrix has one datatype for all features, and only a Matrix has a name and a datatype.
    "interface.features[].datatype": (
        (("interface.features.0.datatype", "FP64"), ("interface.request.datatype", "FP64")),
    ),
    "interface.request.datatype": (
        (("interface.features.0.datatype", GONE), ("interface.request.datatype", "INT32")),
    ),
    "interface.request.encoding": ((("interface.request", {"encoding": "Columns"}),),),
    # No Matrix holds text.
    "interface.features[].date.sentAs": (
        (
            ("interface.features.3.date.sentAs", "Text"),
            ("interface.request", {"encoding": "Columns"}),
        ),
    ),
    # The positive class is among the classes.
    "interface.output.classes[]": ((("interface.output.classes", ["never", "yes"]),),),
    "interface.output.positiveClass": ((("interface.output.positiveClass", "no"),),),
    # What a model predicts decides what it answers with, and by which metrics it is measured.
    "interface.task": ((("interface.task", "Binary"), *_BINARY[1:]),),
    # A Gateway has to be there.
    "exposure.gateway.namespace": ((("exposure.gateway.namespace", "campaign-elsewhere"),),),
    # A service account has to be there.
    "evaluation.serviceAccountName": ((("evaluation.serviceAccountName", "readerx"),),),
}

_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution.0.weight"
SAMPLES |= {
    f"predictor.affinity.{name}": (((f"predictor.affinity.{name}.{_PREFERRED}", 2),),)
    for name in ("nodeAffinity", "podAffinity", "podAntiAffinity")
}
_DEFAULT: Json = {"type": "RuntimeDefault"}
SAMPLES |= {
    # Only Localhost has a profile of its own.
    f"predictor.{context}.seccompProfile.type": (
        ((f"predictor.{context}.seccompProfile", _DEFAULT),),
    )
    for context in ("securityContext", "podSecurityContext")
}

REMOVALS: dict[str, Also] = {
    "interface.task": _BINARY,
    # A share within a tolerance is nothing without one.
    "evaluation.gates[].tolerance": (
        ("evaluation.gates.0.tolerance", GONE),
        ("evaluation.gates.0.metric", "MAE"),
    ),
    "predictor.scaleMetric": (
        ("predictor.scaleMetric", GONE),
        ("predictor.scaleTarget", GONE),
    ),
    "interface.output.threshold": (
        ("interface.output.threshold", GONE),
        ("interface.output.type", "Class"),
        ("interface.output.classes", GONE),
        ("evaluation.gates.2", GONE),
    ),
    # A gate of type Fairness always compares something.
    "evaluation.gates[].across.groups[]": (("evaluation.gates.0.across.groups.0", GONE),),
    "evaluation.gates[].across.intersections[][]": (
        ("evaluation.gates.0.across.intersections.0", GONE),
    ),
    # A reference goes with what it is the reference of.
    "evaluation.gates[].reference[].group": (
        ("evaluation.gates.1.reference", GONE),
        ("evaluation.gates.1.against", GONE),
    ),
    "evaluation.gates[].reference[].value": (
        ("evaluation.gates.1.reference", GONE),
        ("evaluation.gates.1.against", GONE),
    ),
    "evaluation.gates[].nonInferiority.margin": (("evaluation.gates.2.nonInferiority", GONE),),
    "evaluation.report.uri": (("evaluation.report", GONE),),
    # What a step or a group is about cannot go without the step or the group.
    "rollout.steps[].setWeight": (("rollout.steps.0", GONE),),
    "rollout.steps[].evaluate": (("rollout.steps.2", GONE),),
    "rollout.steps[].approve": (("rollout.steps.3", GONE),),
    "interface.groups[].header": (("interface.groups.2", GONE),),
    "interface.groups[].feature": (
        ("interface.groups.0.feature", GONE),
        ("interface.groups.0.header", "X-Sex"),
    ),
    # Removing a required name is removing what has that name.
    "interface.groups[].name": (("interface.groups.2", GONE),),
    "interface.features[].name": (("interface.features.1", GONE),),
    "evaluation.gates[].name": (("evaluation.gates.2", GONE),),
    "predictor.env[].name": (("predictor.env.0", GONE),),
    "predictor.env[].valueFrom.secretKeyRef.name": (("predictor.env.1.valueFrom", GONE),),
    "predictor.env[].valueFrom.secretKeyRef.key": (("predictor.env.1.valueFrom", GONE),),
    "predictor.env[].valueFrom.configMapKeyRef.name": (("predictor.env.2.valueFrom", GONE),),
    "predictor.env[].valueFrom.configMapKeyRef.key": (("predictor.env.2.valueFrom", GONE),),
    "predictor.envFrom[].secretRef.name": (("predictor.envFrom.0", GONE),),
    "predictor.envFrom[].configMapRef.name": (("predictor.envFrom.1", GONE),),
    "predictor.imagePullSecrets[].name": (("predictor.imagePullSecrets", GONE),),
    "predictor.securityContext.seccompProfile.type": (
        ("predictor.securityContext.seccompProfile", GONE),
    ),
    "predictor.securityContext.seccompProfile.localhostProfile": (
        ("predictor.securityContext.seccompProfile", _DEFAULT),
    ),
    "predictor.podSecurityContext.seccompProfile.type": (
        ("predictor.podSecurityContext.seccompProfile", GONE),
    ),
    "predictor.podSecurityContext.seccompProfile.localhostProfile": (
        ("predictor.podSecurityContext.seccompProfile", _DEFAULT),
    ),
    # A volume has one source.
    "predictor.volumes[].name": (("predictor.volumes.0", GONE),),
    "predictor.volumes[].mountPath": (("predictor.volumes.0", GONE),),
    "predictor.volumes[].configMap.name": (("predictor.volumes.0", GONE),),
    "predictor.volumes[].secret.secretName": (("predictor.volumes.1", GONE),),
    "predictor.volumes[].persistentVolumeClaim.claimName": (("predictor.volumes.2", GONE),),
    # A Matrix without a datatype is one of FP64, as all of its features.
    "interface.request.datatype": (
        ("interface.request.datatype", GONE),
        ("interface.features.0.datatype", GONE),
    ),
    "interface.request.encoding": (("interface.request", GONE),),
    # Classes are two at least, and the positive class is one of them.
    "interface.output.classes[]": (("interface.output.classes", GONE),),
    "interface.output.positiveClass": (
        ("interface.output.positiveClass", GONE),
        ("interface.output.classes", ["0", "1"]),
    ),
    # Categories are for a type that has some.
    "interface.features[].type": (
        ("interface.features.2.type", GONE),
        ("interface.features.2.categories", GONE),
    ),
    # Without a key all taints are tolerated, which has to be said with Exists.
    "predictor.tolerations[].key": (("predictor.tolerations.1.key", GONE),),
    "card.label.definition": (("card.label", GONE),),
    "card.regulatory.status": (("card.regulatory", GONE),),
    "card.developer.name": (("card.developer", GONE),),
    "card.sensitiveInputs[].name": (("card.sensitiveInputs.1", GONE),),
    "card.sensitiveInputs[].kind": (("card.sensitiveInputs.1", GONE),),
    "card.citations[].kind": (("card.citations.1", GONE),),
    "card.citations[].text": (("card.citations.1", GONE),),
    "monitoring.policyRef.name": (("monitoring", GONE),),
    "monitoring.sidecar": (("monitoring", GONE),),
    "rollout.steps[].observe.requests": (("rollout.steps.4", GONE),),
    "exposure.gateway.hostnames[]": (("exposure.gateway.hostnames.1", GONE),),
    "exposure.paths[].value": (("exposure.paths.0", GONE),),
}
"""What is removed where the leaf alone cannot be: with what belongs to it."""

_TRUE_OR_NOT = "true is the only value, or it is left out"
UNCHANGEABLE = {
    "predictor.securityContext.runAsNonRoot": _TRUE_OR_NOT,
    "predictor.podSecurityContext.runAsNonRoot": _TRUE_OR_NOT,
    "predictor.securityContext.allowPrivilegeEscalation": "false is the only value, or it is left out",
    "predictor.securityContext.capabilities.add[]": "PodSecurity `restricted` allows this one alone",
    "exposure.mode": "the only other value, Knative, is refused by a rule of the schema",
    "rollout.steps[].evaluate": "an object without fields has no other value",
    "rollout.steps[].approve": "an object without fields has no other value",
}


def changed_specs(leaf: Leaf, spec: Manifest) -> Iterator[Manifest]:
    """Specs in which this leaf has another value, most natural first."""
    for also in SAMPLES.get(str(leaf), ()):
        yield apply(spec, also)
    for spot in spots(spec, leaf.path):
        for value in other_values(leaf.schema, value_at(spec, spot)):
            yield with_value(spec, spot, value)


def removed_specs(leaf: Leaf, spec: Manifest) -> Iterator[Manifest]:
    """Specs in which this leaf is not there in one place at least."""
    if str(leaf) in REMOVALS:
        yield apply(spec, REMOVALS[str(leaf)])
        return
    for spot in spots(spec, leaf.path):
        yield without_value(spec, spot)


def apply(spec: Manifest, also: Also) -> Manifest:
    """A copy with some places set, and some gone."""
    for dotted, value in also:
        spot: Spot = spot_of(dotted)
        spec = without_value(spec, spot) if value == GONE else with_value(spec, spot, value)
    return spec


def other_values(schema: Manifest, present: Json) -> Iterator[Json]:
    """Other values that the schema alone would take."""
    enum = schema.get("enum")
    if isinstance(enum, list):
        yield from (value for value in enum if value != present)
    elif isinstance(present, bool):
        yield not present
    elif isinstance(present, int | float):
        yield from (n for n in _numbers(schema, present) if n != present)
    elif isinstance(present, str):
        pattern = schema.get("pattern")
        for text in _texts(present):
            if not isinstance(pattern, str) or re.search(_in_python(pattern), text):
                yield text


def _numbers(schema: Manifest, present: float) -> Iterator[int | float]:
    whole = schema.get("type") != "number"
    for step in (1, -1) if whole else (0.05, -0.05, 1, -1):
        found = present + step if whole else round(present + step, 3)
        low, high = schema.get("minimum"), schema.get("maximum")
        if isinstance(low, int | float) and found < low:
            continue
        if isinstance(high, int | float) and found > high:
            continue
        yield found


def _texts(present: str) -> Iterator[str]:
    """A text with its last number one higher, or with one letter more."""
    found = re.search(r"\d+(?=\D*$)", present)
    yield f"{present}x"
    if found:
        number = str(int(found[0]) + 1).zfill(len(found[0]))
        yield present[: found.start()] + number + present[found.end() :]
    yield present[:-1] + ("0" if present[-1:] != "0" else "1")


def makes_revision(before: Manifest, after: Manifest) -> bool:
    """Whether a change of the spec changes what is served; replicas and descriptions do not."""
    return _served(before) != _served(after)


_SCALING = ("minReplicas", "maxReplicas", "scaleMetric", "scaleTarget")


def _served(spec: Manifest) -> list[Json]:
    predictor = spec["predictor"]
    assert isinstance(predictor, dict)
    rest = {key: value for key, value in predictor.items() if key not in _SCALING}
    asked = cast(Json, undescribed(spec["interface"]))
    return [spec["version"], rest, "maxReplicas" in predictor, asked]


def _in_python(pattern: str) -> str:
    """A pattern of the API server's, which writes a sign by its number in braces."""
    return re.sub(r"\\x\{([0-9A-F]{4})\}", r"\\u\1", pattern)
