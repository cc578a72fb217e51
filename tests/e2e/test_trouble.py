"""What goes wrong in hospitals' clusters, and what the status says then: weight 0, a reason, nothing lost."""

import shutil
from collections.abc import Callable

import joblib
import numpy as np
import pandas as pd
import pytest

from mlhops.api.base import Json
from mlhops.api.status import Outcome
from testkit.api import until
from testkit.ward import Ward


class Constant:
    """A model that answers whatever it was told to, for every row or for none of them."""

    def __init__(self, answer: float, columns: int = 2) -> None:
        self.answer = answer
        self.columns = columns

    def predict_proba(self, rows: np.ndarray) -> np.ndarray:
        return np.full((len(rows), self.columns), self.answer)


def write(ward: Ward, name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> str:
    """Write a changed copy of the held-out data and return its URI."""
    table = change(pd.read_parquet(ward.data / "held-out.parquet"))
    table.to_parquet(ward.data / name, index=False)
    return f"pvc://data/{name}"


def test_each_bad_dataset_is_named_and_a_good_one_goes_on(ward: Ward) -> None:
    cases = {
        "pvc://data/nowhere.parquet": "there is no file at pvc://data/nowhere.parquet",
        write(ward, "empty.parquet", lambda t: t.head(0)): "the data are empty",
        write(ward, "unlabelled.parquet", lambda t: t.drop(columns="died")): "died",
        write(ward, "alive.parquet", lambda t: t[t["died"] == 0]): "class",
    }
    for uri, words in cases.items():
        ward.apply("1.0.0", evaluation__data__uri=uri)
        model = ward.wait_for_message(words, 90)
        # More people may decide what has no positives; the others end only with a change.
        undecided = words == "class"
        assert model.status.phase == ("Paused" if undecided else "Degraded"), uri
        assert model.status.candidate is not None
        assert model.status.candidate.weight == 0
        assert ward.weights() == {}
    ward.apply("1.0.0")
    ward.wait("Healthy", version="1.0.0")


@pytest.mark.parametrize(
    ("answer", "columns", "words"),
    [(float("nan"), 2, "NaN"), (0.5, 3, "shape [500, 3]"), (7.0, 2, "outside 0..1")],
)
def test_a_model_that_answers_nonsense_never_serves(
    ward: Ward, answer: float, columns: int, words: str
) -> None:
    folder = ward.models / "9.0.0"
    folder.mkdir()
    joblib.dump(Constant(answer, columns), folder / "model.joblib")
    ward.apply("9.0.0")
    model = ward.wait("Degraded")
    assert words in model.status.message
    assert ward.weights() == {}


def test_a_model_that_cannot_be_loaded_is_named_with_its_last_words(ward: Ward) -> None:
    ward.serve()
    before = ward.weights()
    shutil.copytree(ward.models / "1.0.0", ward.models / "4.0.0")
    (ward.models / "4.0.0" / "model.joblib").write_bytes(b"not a model")
    ward.apply("4.0.0")
    model = ward.wait_for_message("container kserve-container exited with code 1", 20)
    assert model.status.phase == "Progressing"
    model = ward.wait("Degraded")
    assert model.status.candidate is not None
    assert model.status.candidate.failure is not None
    assert model.status.candidate.failure.reason == "CandidateUnhealthy"
    assert ward.weights() == before
    assert model.status.history[-1].outcome is Outcome.ROLLED_BACK


FAULT = "lab/fault"


def test_a_predictor_that_never_gets_ready_ends_at_its_deadline(ward: Ward) -> None:
    annotations: Json = {FAULT: "never-ready"}
    ward.apply("1.0.0", predictor__annotations=annotations, rollout__progressDeadline="8s")
    model = ward.wait("Degraded")
    assert "not ready within 8s" in model.status.message
    assert ward.weights() == {}


def test_a_slow_model_is_evaluated_all_the_same(ward: Ward) -> None:
    annotations: Json = {FAULT: "slow=0.2"}
    ward.serve("1.0.0", predictor__annotations=annotations)


def test_an_unknown_runtime_is_reported_in_kserves_words(ward: Ward) -> None:
    ward.apply("1.0.0", predictor__runtime="no-such-runtime")
    model = ward.wait_for_message("Waiting for runtime to become available")
    assert model.status.phase == "Progressing"


ENFORCED = "pod-security.kubernetes.io/enforce"


def test_a_model_serves_where_pods_must_be_restricted(ward: Ward) -> None:
    ward.cluster.kubectl("label", "namespace", ward.namespace, f"{ENFORCED}=restricted")
    ward.serve()


def test_pods_that_the_namespace_forbids_are_told_and_come_once_it_allows_them(ward: Ward) -> None:
    ward.cluster.kubectl("label", "namespace", ward.namespace, f"{ENFORCED}=restricted")
    ward.apply("1.0.0", predictor__securityContext={"runAsUser": 0})
    model = ward.wait_for_message('FailedCreate: pods "mortality-', 15)
    assert 'violates PodSecurity "restricted:latest"' in model.status.message
    assert model.status.phase == "Progressing"
    ward.cluster.kubectl("label", "namespace", ward.namespace, f"{ENFORCED}-")
    ward.wait("Healthy")


def test_only_what_fetches_an_artefact_is_forbidden_where_pods_must_be_restricted(
    ward: Ward,
) -> None:
    # KServe gives the initializer no security context: docs/install.md tells what to do.
    ward.cluster.kubectl("label", "namespace", ward.namespace, f"{ENFORCED}=restricted")
    ward.apply("1.0.0", predictor__storageUri="s3://models/mortality/1.0.0")
    model = ward.wait_for_message('container "storage-initializer" must set', 15)
    assert "drift-detector" not in model.status.message
    assert "kserve-container" not in model.status.message


def test_a_stable_that_somebody_deletes_comes_back(ward: Ward) -> None:
    model = ward.serve()
    assert model.status.stable is not None
    name = model.status.stable.inference_service
    ward.cluster.kubectl("delete", "inferenceservice", name, "--namespace", ward.namespace)
    until("the InferenceService again", lambda: ward.services() == [name], 30)
    ward.wait("Healthy")


def test_weights_that_somebody_changes_are_put_right(ward: Ward) -> None:
    ward.serve()
    before = ward.weights()
    patch = '[{"op": "replace", "path": "/spec/rules/0/backendRefs/0/weight", "value": 7}]'
    ward.cluster.kubectl(
        "patch", "httproute", "mortality", "--namespace", ward.namespace, "--type=json", "-p", patch
    )
    until("the weights again", lambda: ward.weights() == before, 10)
