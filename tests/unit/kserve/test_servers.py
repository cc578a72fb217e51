"""What answers for an InferenceService, by the digests of its images and the content of its runtime."""

import pytest

from mlhops.api.base import Json, Manifest
from mlhops.kserve.servers import (
    NO_RUNTIMES,
    Runtimes,
    Server,
    runtime_names,
    server_of,
    several,
)
from testkit.builders import with_path

RUNTIME: Manifest = {
    "metadata": {"name": "sklearn", "resourceVersion": "1"},
    "spec": {"containers": [{"name": "kserve-container", "image": "sklearnserver:v1"}]},
}
NAMED: Manifest = {"spec": {"predictor": {"model": {"runtime": "sklearn"}}}}
CHOSEN: Manifest = {"status": {"clusterServingRuntimeName": "sklearn"}}


def pod(model: str, agent: str = "sha256:a", name: str = "p") -> Manifest:
    return {
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "kserve-container"}, {"name": "agent"}]},
        "status": {
            "containerStatuses": [
                {"name": "kserve-container", "imageID": model},
                {"name": "agent", "imageID": agent},
            ]
        },
    }


def images(server: Server) -> list[str]:
    return [part for part in server.parts if " " not in part.partition("=")[0]]


def runtime(live: Manifest, own: Manifest | None, cluster: Manifest | None) -> str:
    found = server_of(
        live,
        [pod("sha256:1")],
        Runtimes(
            {"sklearn": own} if own is not None else {},
            {"sklearn": cluster} if cluster is not None else {},
        ),
    )
    return next((part for part in found.parts if "/" in part), "")


@pytest.mark.parametrize(
    "image",
    [
        "registry.example/kserve/sklearnserver@sha256:1",
        "mirror.ward/sklearnserver@sha256:1",
        "docker-pullable://registry.example/sklearnserver@sha256:1",
        "sha256:1",
        "docker://sha256:1",
    ],
)
def test_an_image_is_known_by_its_digest_wherever_a_node_has_it_from(image: str) -> None:
    assert images(server_of({}, [pod(image)], NO_RUNTIMES)) == [
        "agent=sha256:a",
        "kserve-container=sha256:1",
    ]


def test_all_containers_count_those_before_and_those_that_somebody_adds_as_well() -> None:
    before: list[Json] = [{"name": "storage-initializer", "imageID": "x@sha256:5"}]
    added: list[Json] = [{"name": "debugger", "imageID": "x@sha256:6"}]
    one = with_path(pod("sha256:1"), "status.initContainerStatuses", before)
    one = with_path(one, "status.ephemeralContainerStatuses", added)
    parts = server_of({}, [one], NO_RUNTIMES).parts
    assert {"storage-initializer=sha256:5", "debugger=sha256:6"} < set(parts)


def test_pods_that_run_several_images_are_told_by_the_container() -> None:
    pods = [pod("sha256:1"), pod("sha256:2", name="q")]
    assert several(server_of({}, pods, NO_RUNTIMES).parts) == "kserve-container"
    assert several(server_of({}, pods[:1], NO_RUNTIMES).parts) == ""


def test_an_image_of_which_nobody_says_what_it_is_is_a_doubt() -> None:
    silent = "pod p does not say which image agent runs"
    assert server_of({}, [pod("sha256:1", agent="")], NO_RUNTIMES).doubt == silent
    unsaid = with_path(pod("sha256:1"), "status.containerStatuses", [{"name": "kserve-container"}])
    assert server_of({}, [unsaid], NO_RUNTIMES).doubt == silent
    assert server_of({}, [], NO_RUNTIMES).doubt == "no pod of its own is ready"


def test_a_runtime_is_known_by_its_content() -> None:
    first = runtime(NAMED, None, RUNTIME)
    assert first.startswith("ClusterServingRuntime/sklearn=sha256:")
    touched = with_path(RUNTIME, "metadata.resourceVersion", "2")
    assert runtime(NAMED, None, touched) == first == runtime(CHOSEN, None, RUNTIME)
    changes: tuple[tuple[str, Json], ...] = (
        ("spec.containers.0.image", "sklearnserver:v2"),
        ("spec.containers.0.args", ["--another"]),
        ("spec.annotations", {"a": "b"}),
        ("metadata.annotations", {"serving.kserve.io/server-type": "mlserver"}),
    )
    for path, value in changes:
        assert runtime(NAMED, None, with_path(RUNTIME, path, value)) != first


@pytest.mark.parametrize("live", [NAMED, CHOSEN])
def test_a_runtime_of_the_namespace_takes_the_place_of_the_clusters(live: Manifest) -> None:
    assert runtime(live, RUNTIME, RUNTIME).startswith("ServingRuntime/sklearn=sha256:")


def test_a_runtime_that_is_gone_is_another_one() -> None:
    assert runtime(NAMED, None, None) == "ClusterServingRuntime/sklearn=gone"


def test_where_the_operator_may_not_read_runtimes_nobody_knows_what_answers() -> None:
    found = server_of(NAMED, [pod("sha256:1")], Runtimes({}, {}, "may not read them"))
    assert found.doubt == "may not read them"
    assert images(found) == ["agent=sha256:a", "kserve-container=sha256:1"]


def test_a_runtime_has_the_name_that_the_spec_or_kserve_says() -> None:
    assert runtime_names(NAMED) == {"sklearn"} == runtime_names(CHOSEN)
    assert runtime_names({}) == frozenset()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("image", "theirs"),
        ("args", ["--model_dir=/elsewhere"]),
        ("command", ["sh"]),
        ("env", [{"name": "PYTHONPATH", "value": "/elsewhere"}]),
        ("envFrom", [{"configMapRef": {"name": "theirs"}}]),
        ("workingDir", "/elsewhere"),
        ("lifecycle", {"postStart": {"exec": {"command": ["sh"]}}}),
        ("volumeMounts", [{"name": "theirs", "mountPath": "/mnt/models"}]),
    ],
)
def test_the_same_image_that_is_told_something_else_is_another_server(
    field: str, value: Json
) -> None:
    before = server_of({}, [pod("sha256:1")], NO_RUNTIMES)
    other = with_path(pod("sha256:1"), f"spec.containers.0.{field}", value)
    after = server_of({}, [other], NO_RUNTIMES)
    assert images(before) == images(after)
    assert before != after
    assert several(server_of({}, [pod("sha256:1"), other], NO_RUNTIMES).parts) == (
        "kserve-container (command)"
    )


def test_the_token_and_what_pods_may_have_use_of_make_no_other_server() -> None:
    before = server_of({}, [pod("sha256:1")], NO_RUNTIMES)
    token: Json = [
        {"name": "kube-api-access-x", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}
    ]
    other = with_path(pod("sha256:1"), "spec.containers.0.volumeMounts", token)
    other = with_path(other, "spec.containers.0.resources", {"limits": {"cpu": "2"}})
    other = with_path(other, "spec.tolerations", [{"key": "gpu"}])
    assert server_of({}, [other], NO_RUNTIMES) == before
