"""The table of interferences."""

from collections.abc import Callable

from campaign.interference import begins
from campaign.interference.begins import candidate_of, previous_of, stable_of
from campaign.interference.case import Case, Deed
from campaign.interference.deeds import (
    deleted,
    edited,
    gateway_made,
    gateway_removed,
    given_back,
    model_name,
    patched,
    put_pod_behind,
    taken,
    weights,
)
from campaign.world import World
from mlhops.api.base import Json, Manifest
from mlhops.controller.resources import (
    CONFIG_MAPS,
    EVALUATIONS,
    JOBS,
    MODELS,
    PODS,
    REVISIONS,
    ROUTES,
    SERVICES,
)
from mlhops.json_access import at, items, text
from mlhops.kserve.names import DETECTOR_KEY, detector_map
from testkit.fake_controllers import MODEL


def _serves(version: str) -> Callable[[World], bool]:
    return lambda world: world.serves(version)


def _given_up(world: World) -> bool:
    alone = world.weights() == {"1.0.0": 100} and world.versions() == {"1.0.0"}
    return world.status("phase") == "Degraded" and alone


def _goes_on(world: World) -> bool:
    return begins.holds(world)


def _told(world: World) -> bool:
    return world.status("phase") == "Degraded"


def _waits_for_job(world: World) -> bool:
    return "remove it" in world.status("message")


def _route_is_ours(world: World) -> bool:
    route = world.objects("httproutes").get(MODEL)
    labels, owners = at(route, "metadata", "labels"), items(route, "metadata", "ownerReferences")
    spec = at(route, "spec")
    hosts = isinstance(spec, dict) and spec.get("hostnames") == ["sepsis.models.example"]
    filters = [one for rule in items(route, "spec", "rules") for one in items(rule, "filters")]
    plain = [text(one, "type") for one in filters] == ["ResponseHeaderModifier"]
    return bool(labels and owners and hosts and plain)


def _service_is_ours(world: World) -> bool:
    live = world.objects("inferenceservices").get(stable_of(world))
    label = text(live, "metadata", "labels", "mlhops.io/model")
    replicas = at(live, "spec", "predictor", "minReplicas")
    uri = text(live, "spec", "predictor", "model", "storageUri")
    owners = items(live, "metadata", "ownerReferences")
    return bool(label and owners and replicas == 1 and uri.endswith("/2.0.0"))


def _detector_of(world: World) -> str:
    return detector_map(stable_of(world))


def _has_detector(world: World) -> bool:
    live = world.objects("inferenceservices").get(stable_of(world))
    beside = [text(one, "name") for one in items(live, "spec", "predictor", "containers")]
    logged = text(live, "spec", "predictor", "logger", "url")
    return beside == ["drift-detector"] and logged == "http://localhost:9500/"


def _is_configured(world: World) -> bool:
    live = world.objects("configmaps").get(_detector_of(world))
    told, owners = text(live, "data", DETECTOR_KEY), items(live, "metadata", "ownerReferences")
    return '"revision"' in told and bool(owners)


def _and_a_look(deed: Deed) -> Deed:
    """A deed that no watch tells of, and then something that makes the operator look at the model."""

    def both(world: World) -> None:
        deed(world)
        patched(MODELS, model_name, {"metadata": {"labels": {"ward": "icu"}}})(world)

    return both


def _with_next(*deeds: Deed) -> Deed:
    """Deeds, and then people ask for version 2.0.0."""

    def all_of_them(world: World) -> None:
        for deed in deeds:
            deed(world)
        world.apply_model("2.0.0")

    return all_of_them


_NO_OWNERS: Manifest = {"metadata": {"ownerReferences": None}}
_NO_LABELS: Manifest = {"metadata": {"labels": None}}
_FILTER: list[Json] = [
    {
        "op": "add",
        "path": "/spec/rules/0/filters",
        "value": [
            {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x-site"]}}
        ],
    }
]
_ENV: list[Json] = [
    {"op": "add", "path": "/spec/predictor/model/env", "value": [{"name": "THEIRS", "value": "1"}]}
]
_CONTAINER: list[Json] = [
    {"op": "add", "path": "/spec/predictor/containers/-", "value": {"name": "theirs"}}
]
_NO_CONTAINER: list[Json] = [{"op": "remove", "path": "/spec/predictor/containers/1"}]
_THEIRS: Manifest = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "name": "theirs",
    "uid": "11111111-2222-3333-4444-555555555555",
    "controller": True,
}

ROUTE: tuple[Case, ...] = (
    Case(
        "route: weights changed to the previous version",
        begins.serving_second,
        weights(stable=50, previous=50),
        _serves("2.0.0"),
        excused=("gets 50, and the status does not know it",),
    ),
    Case(
        "route: the candidate's weight raised",
        begins.climbing,
        weights(stable=10, candidate=90),
        _goes_on,
        ends=_goes_on,
        excused=("gets 90, its step allows 10",),
    ),
    Case("route: deleted", begins.serving_second, deleted(ROUTES, model_name), _serves("2.0.0")),
    Case(
        "route: deleted while a candidate climbs",
        begins.climbing,
        deleted(ROUTES, model_name),
        _goes_on,
        ends=_goes_on,
    ),
    Case(
        "route: a filter added",
        begins.serving_second,
        edited(ROUTES, model_name, _FILTER),
        _route_is_ours,
    ),
    Case(
        "route: host names changed",
        begins.serving_second,
        patched(ROUTES, model_name, {"spec": {"hostnames": ["others.example"]}}),
        _route_is_ours,
    ),
    Case(
        "route: labels stripped",
        begins.serving_second,
        patched(ROUTES, model_name, _NO_LABELS),
        _route_is_ours,
    ),
    Case(
        "route: owner references stripped",
        begins.serving_second,
        patched(ROUTES, model_name, _NO_OWNERS),
        _route_is_ours,
    ),
    Case(
        "route: somebody of that name before us",
        begins.absent,
        lambda world: _route_taken(world),
        _told,
        says=(f"HTTPRoute {MODEL} exists and belongs to somebody else", "remove or rename it"),
        cease=deleted(ROUTES, model_name),
        ends=_serves("2.0.0"),
    ),
    Case(
        "Gateway: removed from a serving model",
        begins.serving_second,
        gateway_removed,
        _told,
        says=("there is no Gateway", "/clinical", "create it, or name one that exists"),
        cease=gateway_made,
    ),
    Case(
        "Gateway: removed while a candidate climbs",
        begins.climbing,
        gateway_removed,
        _told,
        says=("there is no Gateway", "create it, or name one that exists"),
        cease=gateway_made,
        ends=_goes_on,
    ),
)


def _route_taken(world: World) -> None:
    manifest: Manifest = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": MODEL},
        "spec": {"hostnames": ["others.example"]},
    }
    world.api.create(ROUTES, world.namespace, manifest)
    world.apply_model("2.0.0")


SERVICE: tuple[Case, ...] = (
    Case(
        "InferenceService: stable deleted",
        begins.serving_second,
        deleted(SERVICES, stable_of),
        _serves("2.0.0"),
        excused=("is stable, and is deleted", "is deleted while it may have traffic"),
    ),
    Case(
        "InferenceService: stable deleted while a candidate climbs",
        begins.climbing,
        deleted(SERVICES, stable_of),
        lambda world: _goes_on(world) and world.versions() == {"1.0.0", "2.0.0"},
        ends=_goes_on,
        excused=("is stable, and is deleted", "is deleted while it may have traffic"),
    ),
    Case(
        "InferenceService: previous deleted",
        begins.serving_second,
        deleted(SERVICES, previous_of),
        lambda world: world.versions() == {"1.0.0", "2.0.0"},
    ),
    Case(
        "InferenceService: candidate deleted while it climbs",
        begins.climbing,
        deleted(SERVICES, candidate_of),
        _given_up,
        says=("its InferenceService is gone", "apply another version or decide Retry"),
        ends=_given_up,
        excused=("is deleted while it may have traffic",),
    ),
    Case(
        "InferenceService: labels stripped",
        begins.serving_second,
        patched(SERVICES, stable_of, _NO_LABELS),
        _service_is_ours,
    ),
    Case(
        "InferenceService: owner references stripped",
        begins.serving_second,
        patched(SERVICES, stable_of, _NO_OWNERS),
        _service_is_ours,
    ),
    Case(
        "InferenceService: another artefact",
        begins.serving_second,
        patched(
            SERVICES, stable_of, {"spec": {"predictor": {"model": {"storageUri": "s3://x/y"}}}}
        ),
        _service_is_ours,
        excused=("is stable, and what it serves was changed",),
    ),
    Case(
        "InferenceService: more replicas",
        begins.serving_second,
        patched(SERVICES, stable_of, {"spec": {"predictor": {"minReplicas": 7}}}),
        _service_is_ours,
    ),
    Case(
        "InferenceService: an image of theirs",
        begins.serving_second,
        patched(SERVICES, stable_of, {"spec": {"predictor": {"model": {"image": "theirs"}}}}),
        _told,
        says=("spec.predictor.model.image", "the operator did not set", "remove"),
        cease=patched(SERVICES, stable_of, {"spec": {"predictor": {"model": {"image": None}}}}),
        excused=("is stable, and what it serves was changed",),
    ),
    Case(
        "InferenceService: a variable of theirs",
        begins.serving_second,
        edited(SERVICES, stable_of, _ENV),
        _told,
        says=("spec.predictor.model.env", "THEIRS", "the operator did not set", "remove"),
        cease=patched(SERVICES, stable_of, {"spec": {"predictor": {"model": {"env": None}}}}),
        excused=("is stable, and what it serves was changed",),
    ),
    Case(
        "InferenceService: containers of theirs",
        begins.serving_second,
        edited(SERVICES, stable_of, _CONTAINER),
        _told,
        says=("spec.predictor.containers", "theirs", "the operator did not set", "remove"),
        cease=edited(SERVICES, stable_of, _NO_CONTAINER),
    ),
    Case(
        "InferenceService: the detector removed",
        begins.serving_second,
        patched(SERVICES, stable_of, {"spec": {"predictor": {"containers": None}}}),
        _has_detector,
    ),
    Case(
        "InferenceService: the logger removed",
        begins.serving_second,
        patched(SERVICES, stable_of, {"spec": {"predictor": {"logger": None}}}),
        _has_detector,
    ),
    Case(
        "InferenceService: a logger of theirs",
        begins.serving_second,
        patched(
            SERVICES,
            stable_of,
            {"spec": {"predictor": {"logger": {"mode": "all", "url": "http://theirs"}}}},
        ),
        _told,
        says=("has a logger that the operator did not set", "remove spec.predictor.logger there"),
        cease=patched(SERVICES, stable_of, {"spec": {"predictor": {"logger": None}}}),
    ),
    Case(
        "InferenceService: an annotation of theirs",
        begins.serving_second,
        patched(SERVICES, stable_of, {"metadata": {"annotations": {"example.org/note": "theirs"}}}),
        _told,
        says=("metadata.annotations[example.org/note]", "the operator did not set", "remove"),
        cease=patched(
            SERVICES, stable_of, {"metadata": {"annotations": {"example.org/note": None}}}
        ),
    ),
)

SERVERS: tuple[Case, ...] = (
    Case(
        "pod: one of theirs behind the Service",
        begins.serving_second,
        lambda world: put_pod_behind(world, stable_of(world)),
        _told,
        says=("pod theirs gets requests", "remove that pod, or its label"),
        cease=deleted(PODS, lambda _: "theirs"),
    ),
    Case(
        "pod: another image in it",
        begins.serving_second,
        lambda world: world.run_pod(stable_of(world), image="sha256:" + "2" * 64),
        _told,
        says=("kserve-container=sha256:222222222222 was not measured", "apply another version"),
        cease=lambda world: world.run_pod(stable_of(world)),
        ends=_serves("2.0.0"),
    ),
)

RETRIES = 30
"""A minute, in the first seconds: a write that is refused is tried again, after longer and longer waits."""

RECORDS: tuple[Case, ...] = (
    Case(
        "ControllerRevision: that of stable deleted",
        begins.serving_second,
        _and_a_look(deleted(REVISIONS, stable_of)),
        lambda world: stable_of(world) in world.objects("controllerrevisions"),
        cease=patched(MODELS, model_name, {"metadata": {"labels": None}}),
    ),
    Case(
        "ControllerRevision: somebody of that name before us",
        begins.serving,
        _with_next(taken(REVISIONS, "2.0.0")),
        _told,
        says=("exists and belongs to somebody else: remove it", "controllerrevisions/"),
        cease=given_back(REVISIONS, "2.0.0"),
        ends=_serves("2.0.0"),
        most_writes=RETRIES,
    ),
    Case(
        "Evaluation: somebody of that name before us",
        begins.serving,
        _with_next(taken(EVALUATIONS, "2.0.0", "-1")),
        _told,
        says=("exists and belongs to somebody else: remove it", "evaluations/"),
        cease=given_back(EVALUATIONS, "2.0.0", "-1"),
        ends=_serves("2.0.0"),
        most_writes=RETRIES,
    ),
    Case(
        "Job: somebody of that name before us",
        begins.serving,
        _with_next(taken(JOBS, "2.0.0", "-1")),
        _waits_for_job,
        cease=given_back(JOBS, "2.0.0", "-1"),
        ends=_serves("2.0.0"),
    ),
)

CONFIGURATION: tuple[Case, ...] = (
    Case(
        "ConfigMap: the detector's deleted",
        begins.serving_second,
        deleted(CONFIG_MAPS, _detector_of),
        _is_configured,
    ),
    Case(
        "ConfigMap: the detector's edited",
        begins.serving_second,
        patched(CONFIG_MAPS, _detector_of, {"data": {DETECTOR_KEY: "{}"}}),
        _is_configured,
    ),
    Case(
        "ConfigMap: the detector's labels stripped",
        begins.serving_second,
        patched(CONFIG_MAPS, _detector_of, _NO_LABELS),
        _is_configured,
    ),
    Case(
        "ConfigMap: the detector's owner references stripped",
        begins.serving_second,
        patched(CONFIG_MAPS, _detector_of, _NO_OWNERS),
        _is_configured,
    ),
    Case(
        "ConfigMap: somebody of that name before us",
        begins.serving,
        _with_next(taken(CONFIG_MAPS, "2.0.0", "-detector")),
        _told,
        says=("exists and belongs to somebody else: remove it", "configmaps/"),
        cease=given_back(CONFIG_MAPS, "2.0.0", "-detector"),
        ends=_serves("2.0.0"),
        most_writes=RETRIES,
    ),
)

CASES: tuple[Case, ...] = (*ROUTE, *SERVICE, *SERVERS, *RECORDS, *CONFIGURATION)
