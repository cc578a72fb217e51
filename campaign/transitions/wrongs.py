"""What people do wrong: accepted by the schema, and yet it cannot be served."""

from collections.abc import Callable
from dataclasses import dataclass

from campaign.transitions.base import base
from campaign.transitions.changes import GONE, Also, apply
from campaign.transitions.places import with_value
from campaign.transitions.pods import crashing, unschedulable
from campaign.transitions.scripted_environment import Failure, Town, create
from mlhops.api.base import Json, Manifest
from mlhops.api.evaluation import EvaluationPhase
from mlhops.controller.resources import MODELS, ROUTES
from mlhops.json_access import at, text
from testkit.builders import clinical_model

TAKEN = "taken.models.example"
LONG = "a-model-with-a-name-as-long-as-it-may-be"


def _nothing(_: Town) -> None:
    pass


def _message(town: Town) -> str:
    return town.status("message")


@dataclass(frozen=True)
class Wrong:
    """One mistake, how the world takes it, and what the operator has to say of it."""

    name: str
    change: Also
    """What is wrong with the spec."""
    phase: str
    says: tuple[str, ...]
    """Words that have to be in what people are told."""
    around: Callable[[Town], None] = _nothing
    """What is different in the world while it lasts."""
    meanwhile: Callable[[Town], None] = _nothing
    """What others go on doing while it lasts."""
    after: Callable[[Town], None] = _nothing
    told: Callable[[Town], str] = _message


def sound() -> Manifest:
    """A spec that serves, whose rollouts do not wait long for what does not come."""
    changed = base(steps=False)
    for spot, value in (("progressDeadline", "5s"), ("onFailure", "Rollback")):
        changed = with_value(changed, ("rollout", spot), value)
    return changed


def prepare(town: Town) -> None:
    """What has to be there before the model: a route that is older than the model's."""
    parent: Manifest = {"name": "clinical", "namespace": "default"}
    manifest: Manifest = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "older"},
        "spec": {"parentRefs": [parent], "hostnames": [TAKEN], "rules": [{}]},
    }
    create(town.api, ROUTES, town.namespace, manifest)


def mended(town: Town) -> None:
    """Everybody works again."""
    town.fails = lambda _: None
    town.verdicts.clear()
    town.evaluator_runs = town.gateway_answers = True


def _next(version: str) -> tuple[str, Json]:
    """The change to another version; each mistake has its own, so that none has tried it before."""
    return ("version", version)


def _uri(live: Manifest) -> str:
    return text(live, "spec", "predictor", "model", "storageUri")


def _kserve(fails: Callable[[Manifest], bool], reason: str, words: str) -> Callable[[Town], None]:
    def set_up(town: Town) -> None:
        town.fails = lambda live: Failure(reason, words) if fails(live) else None

    return set_up


def _gates(version: str, phase: EvaluationPhase) -> Callable[[Town], None]:
    def set_up(town: Town) -> None:
        town.verdicts[version, "1"] = phase

    return set_up


def _no_evaluator(town: Town) -> None:
    town.evaluator_runs = False


def _silent_gateway(town: Town) -> None:
    town.gateway_answers = False


def _long_named(town: Town) -> None:
    town.api.create(MODELS, town.namespace, clinical_model(name=LONG))


def _long_named_says(town: Town) -> str:
    return text(town.objects("clinicalmodels").get(LONG), "status", "message")


def _long_named_goes(town: Town) -> None:
    town.api.delete(MODELS, town.namespace, LONG)


WRONGS: tuple[Wrong, ...] = (
    Wrong(
        "artefact is not there",
        (("predictor.storageUri", "s3://models/nowhere"),),
        "Degraded",
        ("not ready within 5s", "NoSuchKey", "apply another version or decide Retry"),
        _kserve(lambda live: "nowhere" in _uri(live), "ModelLoadFailed", "NoSuchKey: nowhere"),
    ),
    Wrong(
        "artefact never comes, and nobody says so",
        (("predictor.storageUri", "hf://nobody/nothing"),),
        "Degraded",
        ("not ready within 5s", "spec.rollout.progressDeadline"),
        _kserve(lambda live: "nobody" in _uri(live), "", ""),
    ),
    Wrong(
        "runtime does not exist",
        (("predictor.runtime", "no-such-runtime"),),
        "Degraded",
        ("no-such-runtime", "spec.predictor.runtime"),
        _kserve(
            lambda live: at(live, "spec", "predictor", "model", "runtime") == "no-such-runtime",
            "RuntimeNotRecognized",
            "specified runtime no-such-runtime is not found",
        ),
    ),
    Wrong(
        "more memory than any node has",
        (("predictor.resources", {"requests": {"memory": "9Ti"}}),),
        "Degraded",
        ("a pod cannot be scheduled", "Insufficient memory"),
        _kserve(lambda live: "9Ti" in str(live), "", ""),
        unschedulable("0/3 nodes are available: 3 Insufficient memory."),
    ),
    Wrong(
        "service account of the model does not exist",
        (("predictor.serviceAccountName", "nobody"),),
        "Degraded",
        ("not ready within 5s: FailedCreate", 'serviceaccount "nobody" not found'),
        _kserve(
            lambda live: at(live, "spec", "predictor", "serviceAccountName") == "nobody",
            "FailedCreate",
            'pods "x" is forbidden: error looking up service account: serviceaccount "nobody" not found',
        ),
    ),
    Wrong(
        "arguments with which the server ends at once",
        (("predictor.args", ["--no-such-flag"]),),
        "Degraded",
        ("exited with code 1", "no-such-flag"),
        _kserve(lambda live: "--no-such-flag" in str(live), "", ""),
        crashing("unrecognized arguments: --no-such-flag"),
    ),
    Wrong(
        "gates fail",
        (_next("9.1.0"),),
        "Degraded",
        ("9.1.0", "(1.0.0 serves)", "apply another version or decide Retry"),
        _gates("9.1.0", EvaluationPhase.FAILED),
    ),
    Wrong(
        "gates cannot tell",
        (_next("9.2.0"),),
        "Paused",
        ("9.2.0 at 0 %",),
        _gates("9.2.0", EvaluationPhase.INCONCLUSIVE),
    ),
    Wrong(
        "gates end in error",
        (_next("9.3.0"),),
        "Paused",
        ("9.3.0 at 0 %",),
        _gates("9.3.0", EvaluationPhase.ERROR),
    ),
    Wrong(
        "evaluator does not end in its time",
        # Of a model that is watched it has two minutes more, to hand its profile over.
        (_next("9.4.0"), ("evaluation.deadline", "1s"), ("monitoring", GONE)),
        "Paused",
        ("the evaluator left no result", "longer than specified deadline"),
        _no_evaluator,
    ),
    Wrong(
        "service account of the evaluator does not exist",
        (_next("9.5.0"), ("evaluation.serviceAccountName", "nobody")),
        "Progressing",
        ("the evaluator cannot start", 'serviceaccount "nobody" not found'),
    ),
    Wrong(
        "Gateway does not exist",
        (("exposure.gateway.name", "no-such-gateway"),),
        "Degraded",
        ("there is no Gateway default/no-such-gateway", "create it, or name one that exists"),
    ),
    Wrong(
        "Gateway is silent",
        (("exposure.gateway.hostnames", ["other.models.example"]),),
        "Degraded",
        ("waiting for the Gateway to accept the HTTPRoute",),
        _silent_gateway,
    ),
    Wrong(
        "host name is taken",
        (("exposure.gateway.hostnames", [TAKEN]),),
        "Degraded",
        (TAKEN, "/older", "choose another of spec.exposure.gateway.hostnames"),
    ),
    Wrong(
        "name is too long for KServe",
        (),
        "Healthy",
        ("KServe allows 63", "give the model or its namespace a shorter name"),
        _long_named,
        after=_long_named_goes,
        told=_long_named_says,
    ),
)


def spec_of(wrong: Wrong) -> Manifest:
    """The spec with the mistake in it."""
    return apply(sound(), wrong.change)
