"""Somebody else: other people and programs with the right to write, who know nothing of the operator."""

from typing import cast

from campaign.simulation.actors.evaluator import words_of
from campaign.simulation.actors.stage import GATEWAY, MODEL, Stage, name_of, quietly
from campaign.simulation.server import NAMESPACE, controller_of
from mlhops.api.base import Json, Manifest
from mlhops.controller.resources import (
    CONFIG_MAPS,
    EVALUATIONS,
    GATEWAYS,
    JOBS,
    MODELS,
    PODS,
    REVISIONS,
    ROUTES,
    SERVICES,
    Kind,
)
from mlhops.json_access import at, items, text
from mlhops.kserve.detector import CONTAINER, SINK
from mlhops.kserve.names import (
    APP_LABEL,
    DETECTOR_KEY,
    MODEL_LABEL,
    SERVICE_LABEL,
    app_of,
    backend,
    detector_map,
)
from mlhops.rollout.evaluation.evaluator_job import EVALUATION_LABEL

OTHER = "somebody"
_CHILDREN = (SERVICES, ROUTES, EVALUATIONS, JOBS, REVISIONS, CONFIG_MAPS, PODS)
_EDITS: tuple[Manifest, ...] = (
    {"model": {"storageUri": "s3://elsewhere"}},
    {"model": {"storageUri": None}},
    {"logger": {"url": "http://elsewhere"}},
    {"logger": None},
    {"containers": None},
    {"containers": [{"name": "theirs"}]},
    {"volumes": []},
    {"minReplicas": 7},
    {"labels": {"team": "another"}},
)


class Others:
    """Interferes with what the operator has made, or will want to make."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._made = 0

    def act(self) -> str:
        """Do one thing that the operator has to put right, or to tell people about."""
        match self._stage.rng.randrange(18):
            case 0 | 1 | 2:
                return self._shift_weights()
            case 3 | 4 | 5:
                return self._delete()
            case 6 | 7:
                return self._strip()
            case 8 | 9:
                return self._rewrite_service()
            case 10:
                return self._squat()
            case 11 | 12 | 13:
                return self._forge()
            case 14:
                return self._take_hostname()
            case 15:
                return self._add_container()
            case 16:
                return self._rewrite_configuration()
            case _:
                return self._remove_gateway()

    def uninstall(self) -> tuple[str, str]:
        """Remove KServe or Gateway API, or install it again; return whose kinds have changed."""
        kind = self._stage.rng.choice((SERVICES, ROUTES))
        absent = kind in self._stage.server.absent
        self._stage.server.set_installed(kind, absent, OTHER)
        return f"somebody {'installs' if absent else 'removes'} {kind.plural}", kind.group

    def tidy(self) -> str:
        """Do as the messages ask: install what is missing, remove what is in the way."""
        server = self._stage.server
        for kind in sorted(server.absent, key=lambda kind: kind.plural):
            server.set_installed(kind, True, OTHER)
            return f"somebody installs {kind.plural}"
        for kind in _CHILDREN:
            for live in self._stage.objects(kind):
                if at(live, "metadata", "deletionTimestamp") is not None:
                    continue
                if not controller_of(live) or not text(live, "metadata", "labels", MODEL_LABEL):
                    server.delete(kind, name_of(live), OTHER)
                    return f"somebody clears away {kind.plural}/{name_of(live)}"
                theirs = self._in_the_way(live) if kind == SERVICES else {}
                if theirs:
                    server.patch(kind, name_of(live), {"spec": {"predictor": theirs}}, OTHER)
                    return f"somebody removes {', '.join(theirs)} of {name_of(live)}"
        return ""

    def _in_the_way(self, live: Manifest) -> Manifest:
        """What takes away what is not the operator's, or what the model's message names as that."""
        told = text(self._stage.server.view(MODELS).get(MODEL), "status", "message")
        found = _added(live)
        if told.startswith(f"InferenceService {name_of(live)} has a logger"):
            # The operator's own, of a revision whose record was lost and made anew without a detector.
            found["logger"] = None
        return found

    def _one(self, *kinds: Kind) -> tuple[Kind, Manifest] | None:
        every = [(kind, live) for kind in kinds for live in self._stage.objects(kind)]
        return self._stage.choose(every)

    def _shift_weights(self) -> str:
        route = self._stage.server.view(ROUTES).get(MODEL)
        if route is None:
            return ""
        rng = self._stage.rng
        names = [name_of(live) for live in self._stage.objects(SERVICES)] or ["elsewhere"]
        backends: list[Json] = [
            {
                "group": "",
                "kind": "Service",
                "name": backend(name),
                "port": 80,
                "weight": rng.choice((0, 10, 50, 100)),
            }
            for name in rng.sample(names, rng.randint(1, len(names)))
        ]
        rules: list[Json] = [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                "backendRefs": backends,
            }
        ]
        self._stage.server.patch(ROUTES, MODEL, {"spec": {"rules": rules}}, OTHER)
        return f"somebody sets weights {[cast(Manifest, b)['weight'] for b in backends]}"

    def _delete(self) -> str:
        found = self._one(*_CHILDREN)
        if found is None:
            return ""
        self._stage.server.delete(found[0], name_of(found[1]), OTHER)
        return f"somebody deletes {found[0].plural}/{name_of(found[1])}"

    def _strip(self) -> str:
        found = self._one(SERVICES, ROUTES, EVALUATIONS, REVISIONS, CONFIG_MAPS, JOBS)
        if found is None:
            return ""
        part = self._stage.rng.choice(("labels", "ownerReferences"))
        self._stage.server.patch(found[0], name_of(found[1]), {"metadata": {part: None}}, OTHER)
        return f"somebody strips {part} of {found[0].plural}/{name_of(found[1])}"

    def _rewrite_service(self) -> str:
        live = self._stage.choose(self._stage.objects(SERVICES))
        if live is None:
            return ""
        predictor = self._stage.rng.choice(_EDITS)
        self._stage.server.patch(SERVICES, name_of(live), {"spec": {"predictor": predictor}}, OTHER)
        return f"somebody edits {name_of(live)}: {predictor}"

    def _add_container(self) -> str:
        live = self._stage.choose(self._stage.objects(SERVICES))
        if live is None:
            return ""
        beside = cast("list[Json]", items(live, "spec", "predictor", "containers"))
        patch: Manifest = {"spec": {"predictor": {"containers": [*beside, {"name": "theirs"}]}}}
        self._stage.server.patch(SERVICES, name_of(live), patch, OTHER)
        return f"somebody adds a container to {name_of(live)}"

    def _rewrite_configuration(self) -> str:
        live = self._stage.choose(self._stage.objects(CONFIG_MAPS))
        if live is None:
            return ""
        patch: Manifest = {"data": {DETECTOR_KEY: "{}"}}
        self._stage.server.patch(CONFIG_MAPS, name_of(live), patch, OTHER)
        return f"somebody edits {name_of(live)}"

    def _squat(self) -> str:
        """Take a name that the operator needs, or may need again."""
        kind, live = self._one(SERVICES, EVALUATIONS) or (ROUTES, {})
        wanted = self._stage.choose([name_of(live)] if live else [MODEL]) or MODEL
        taken = self._stage.rng.choice(
            (SERVICES, REVISIONS, CONFIG_MAPS) if kind == SERVICES else (EVALUATIONS, JOBS)
        )
        if taken == CONFIG_MAPS:
            wanted = detector_map(wanted)
        if kind == ROUTES:
            taken = ROUTES
        elif self._stage.chance(0.5):
            quietly(lambda: self._stage.server.delete(taken, wanted, OTHER))
        spec = live["spec"] if taken == EVALUATIONS else {}
        labels: Manifest = {"example.org/by": OTHER}
        manifest: Manifest = {"metadata": {"name": wanted, "labels": labels}, "spec": spec}
        made = quietly(lambda: self._stage.server.create(taken, manifest, OTHER))
        return f"somebody takes the name {taken.plural}/{wanted}" if made else ""

    def _forge(self) -> str:
        """A pod or an Evaluation that pretends to be evidence."""
        self._made += 1
        evaluation = self._stage.choose(self._stage.objects(EVALUATIONS))
        if evaluation is None:
            return ""
        name = name_of(evaluation)
        if self._stage.chance(0.3):
            forged: Manifest = {
                "metadata": {"name": f"forged-{self._made}", "labels": {MODEL_LABEL: MODEL}},
                "spec": evaluation["spec"],
            }
            self._stage.server.create(EVALUATIONS, forged, OTHER)
            return f"somebody creates Evaluation forged-{self._made}"
        labels: Manifest = {EVALUATION_LABEL: name, MODEL_LABEL: MODEL}
        if self._stage.chance(0.3):
            service = self._stage.choose(self._stage.objects(SERVICES))
            labels = {SERVICE_LABEL: name_of(service or evaluation)}
            labels[APP_LABEL] = app_of(name_of(service or evaluation))
            if self._stage.chance(0.5):
                labels[MODEL_LABEL] = MODEL
        asked = cast(Manifest, evaluation["spec"])
        pod: Manifest = {"metadata": {"name": f"forged-{self._made}", "labels": labels}, "spec": {}}
        self._stage.server.create(PODS, pod, OTHER)
        ended: Manifest = {"exitCode": 0, "message": words_of(asked, "Successful")}
        container: Manifest = {"name": "evaluator", "state": {"terminated": ended}}
        status: Manifest = {"phase": "Succeeded", "containerStatuses": [container]}
        if SERVICE_LABEL in labels:
            status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        forgery: Manifest = {"status": status}
        self._stage.server.patch(PODS, f"forged-{self._made}", forgery, OTHER, "status")
        return f"somebody forges the evidence of {name}"

    def _take_hostname(self) -> str:
        self._made += 1
        model = self._stage.server.view(MODELS).get(MODEL)
        hostnames = at(model, "spec", "exposure", "gateway", "hostnames")
        if hostnames is None:
            return ""
        if self._stage.server.view(ROUTES).get("rival") is not None:
            self._stage.server.delete(ROUTES, "rival", OTHER)
            return "somebody gives the host name back"
        spec: Manifest = {
            "parentRefs": [{"name": GATEWAY, "namespace": NAMESPACE}],
            "hostnames": hostnames,
            "rules": [{"backendRefs": [{"name": "rival", "port": 80}]}],
        }
        rival: Manifest = {"metadata": {"name": "rival"}, "spec": spec}
        made = quietly(lambda: self._stage.server.create(ROUTES, rival, OTHER))
        return "somebody takes the host name" if made else ""

    def _remove_gateway(self) -> str:
        if GATEWAY not in self._stage.server.view(GATEWAYS):
            return ""
        self._stage.server.delete(GATEWAYS, GATEWAY, OTHER)
        return "somebody removes the Gateway"


def _added(live: Manifest) -> Manifest:
    """What takes away the logger and the containers that are not the operator's, empty where there are none."""
    found: Manifest = {}
    if text(live, "spec", "predictor", "logger", "url") not in ("", SINK):
        found["logger"] = None
    beside = items(live, "spec", "predictor", "containers")
    ours = [one for one in beside if one.get("name") == CONTAINER]
    if ours != beside:
        found["containers"] = cast("list[Json]", ours) or None
    if at(live, "spec", "predictor", "labels", "team") is not None:
        found["labels"] = {"team": None}
    return found
