"""kopf's part: turn every event of a watched object into a key on the work queue, and do nothing else.

Only low-level event handlers are used: they write no annotation and no finalizer, on the user's objects or on
InferenceServices, where KServe would restart the model for it.
"""

import os
from collections.abc import Callable
from functools import partial

import kopf

from mlhops.api import GROUP
from mlhops.api.base import Manifest
from mlhops.controller.gather import Key
from mlhops.kserve.names import MODEL_LABEL
from mlhops.kserve.read import text
from mlhops.rollout.evaluator_job import EVALUATION_LABEL

MODEL, EVALUATION = "ClinicalModel", "Evaluation"
WATCHED = (
    (GROUP, "clinicalmodels", MODEL),
    (GROUP, "evaluations", EVALUATION),
    (GROUP, "decisions", "Decision"),
    ("serving.kserve.io", "inferenceservices", "InferenceService"),
    ("gateway.networking.k8s.io", "httproutes", "HTTPRoute"),
    ("batch", "jobs", "Job"),
    ("", "pods", "Pod"),
)
NEEDED_GROUPS = ("serving.kserve.io", "gateway.networking.k8s.io")
Add = Callable[[Key], None]


def keys_of(kind: str, body: Manifest) -> list[Key]:
    """Return the objects of ours that a change of this object may matter to."""
    namespace, name = text(body, "metadata", "namespace"), text(body, "metadata", "name")
    if kind == MODEL:
        return [Key(MODEL, namespace, name)]
    keys = []
    model = text(body, "metadata", "labels", MODEL_LABEL)
    if kind == "Decision":
        model = text(body, "spec", "model")
    if kind == EVALUATION:
        keys.append(Key(EVALUATION, namespace, name))
    evaluation = text(body, "metadata", "labels", EVALUATION_LABEL)
    if evaluation:
        return [Key(EVALUATION, namespace, evaluation)]
    if model:
        keys.append(Key(MODEL, namespace, model))
    return keys


def registry(
    add: Add, models: Callable[[], list[Key]], *, clusterwide: bool
) -> kopf.OperatorRegistry:
    """Return handlers that put keys on the queue; `models` returns all models that are known.

    Kinds that are installed later are noticed at once only by an operator for the whole cluster:
    one for some namespaces may not be allowed to watch them, and looks again from time to time.
    """
    handlers = kopf.OperatorRegistry()
    kopf.on.login(registry=handlers, id="login")(_login)

    def watch(group: str, plural: str, keys: Callable[[Manifest], list[Key]]) -> None:
        async def seen(body: kopf.Body, **_: object) -> None:
            for key in keys(dict(body)):
                add(key)

        kopf.on.event(group, plural, id=f"watch-{plural}", registry=handlers)(seen)

    for group, plural, kind in WATCHED:
        watch(group, plural, partial(keys_of, kind))
    # Any model may wait for a Gateway, or for the kinds themselves to be installed.
    watch("gateway.networking.k8s.io", "gateways", lambda _: models())
    if clusterwide:
        watch(
            "apiextensions.k8s.io",
            "customresourcedefinitions",
            lambda body: models() if text(body, "spec", "group") in NEEDED_GROUPS else [],
        )
    return handlers


def _login(**known: object) -> kopf.ConnectionInfo | None:
    """Log in to the cluster that runs the process, or to the one that KUBECONFIG names."""
    in_cluster = os.environ.get("KUBERNETES_SERVICE_HOST") and not os.environ.get("KUBECONFIG")
    login = kopf.login_with_service_account if in_cluster else kopf.login_with_kubeconfig
    return login(**known)  # type: ignore[arg-type]


def settings() -> kopf.OperatorSettings:
    """Return kopf's settings: nothing posted, nothing persisted, only what concerns models watched."""
    chosen = kopf.OperatorSettings()
    chosen.posting.enabled = False
    chosen.queueing.idle_timeout = 0.1
    chosen.peering.standalone = True
    # The rest is filtered by the API server: a hospital's cluster has other pods and jobs, too.
    chosen.watching.label_selectors["pods"] = MODEL_LABEL
    chosen.watching.label_selectors["jobs"] = MODEL_LABEL
    chosen.watching.label_selectors["inferenceservices"] = MODEL_LABEL
    chosen.watching.label_selectors["httproutes"] = MODEL_LABEL
    return chosen
