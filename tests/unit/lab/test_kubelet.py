"""The kubelet's pure parts."""

from pathlib import Path

import pytest

from lab.client import Object
from lab.kubelet.environment import expand
from lab.kubelet.paths import PathMap
from lab.kubelet.pod import program
from lab.kubelet.status import ContainerState, Observed, pod_status
from lab.kubelet.volumes import VolumeNotReady, select, write

HOST = Path("/host/models")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("--model_dir=/mnt/models", "--model_dir=/host/models"),
        ("/mnt/models/v1", "/host/models/v1"),
        ("file:///mnt/models/a.csv", "file:///host/models/a.csv"),
        ("a=/mnt/models,b=/mnt/models", "a=/host/models,b=/host/models"),
        ("/mnt/models2", "/mnt/models2"),
        ("http://host/mnt/models", "http://host/mnt/models"),
        ("pvc/mnt/models", "pvc/mnt/models"),
    ],
)
def test_a_mount_path_is_rewritten_where_it_is_a_path_of_its_own(text: str, expected: str) -> None:
    assert PathMap({"/mnt/models": HOST}).rewrite(text) == expected


def test_the_longest_mount_path_wins_and_nothing_is_rewritten_twice() -> None:
    paths = PathMap({"/mnt": Path("/a"), "/mnt/models": Path("/mnt/b")})
    assert paths.rewrite("/mnt/models/x /mnt/y") == "/mnt/b/x /a/y"


def test_references_in_text_are_expanded_as_kubernetes_does() -> None:
    values = {"NAME": "x"}
    assert expand("$(NAME) $$(NAME) $(OTHER) $NAME", values) == "x $(NAME) $(OTHER) $NAME"


@pytest.mark.parametrize(
    "image",
    [
        "kserve/agent:latest",
        "docker.io/kserve/agent",
        "localhost:5000/kserve/agent:v1@sha256:" + "0" * 64,
        "mirror.example/team/kserve/agent:1",
    ],
)
def test_an_image_is_found_whatever_its_registry_and_tag(image: str) -> None:
    assert program({"agent": ("run",)}, image) == ("run",)


def test_an_unknown_image_has_no_program() -> None:
    assert program({"agent": ("run",)}, "kserve/agents:1") is None


def state(name: str = "a", *, initial: bool = False, **fields: object) -> ContainerState:
    result = ContainerState(name, "image", initial)
    for field, value in fields.items():
        setattr(result, field, value)
    return result


def ended(code: int) -> Object:
    return {"exitCode": code, "reason": "Completed" if code == 0 else "Error"}


def status(*apps: ContainerState, init: tuple[ContainerState, ...] = ()) -> Object:
    return pod_status(Observed(init, apps, "127.77.1.1", "127.77.0.1", "then", "now"))


def test_a_pod_is_pending_until_all_its_containers_were_started() -> None:
    assert status(state(running_since="t"), state("b"))["phase"] == "Pending"
    assert status(state(running_since="t"), state("b", running_since="t"))["phase"] == "Running"


def test_a_container_in_back_off_keeps_its_pod_running_and_unready() -> None:
    crashed = state(waiting="CrashLoopBackOff", last_terminated=ended(1), restarts=2)
    result = status(crashed)
    assert result["phase"] == "Running"
    assert result["containerStatuses"][0]["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert result["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 1
    assert conditions(result)["Ready"] == "False"


@pytest.mark.parametrize(("codes", "phase"), [((0, 0), "Succeeded"), ((0, 3), "Failed")])
def test_a_pod_whose_containers_are_finished_has_a_final_phase(
    codes: tuple[int, int], phase: str
) -> None:
    containers = [state(terminated=ended(code), finished=True) for code in codes]
    assert status(*containers)["phase"] == phase


def test_a_failed_init_container_that_stays_so_fails_the_pod() -> None:
    failed = state("init", initial=True, terminated=ended(1), finished=True)
    assert status(state(), init=(failed,))["phase"] == "Failed"


def test_an_init_container_on_its_way_keeps_the_pod_uninitialized() -> None:
    result = status(state(), init=(state("init", initial=True, running_since="t"),))
    assert result["phase"] == "Pending"
    assert conditions(result)["Initialized"] == "False"


def test_a_condition_keeps_its_time_while_its_status_stays() -> None:
    first = status(state(running_since="t", ready=True))
    seen = Observed(
        (),
        (state(running_since="t"),),
        "ip",
        "host",
        "then",
        "later",
        before=first["conditions"],
    )
    times = {one["type"]: one["lastTransitionTime"] for one in pod_status(seen)["conditions"]}
    assert times == {
        "PodScheduled": "now",
        "Initialized": "now",
        "ContainersReady": "later",
        "Ready": "later",
    }


def conditions(result: Object) -> dict[str, str]:
    return {one["type"]: one["status"] for one in result["conditions"]}


def test_a_volume_holds_exactly_what_its_source_holds(tmp_path: Path) -> None:
    write(tmp_path, {"a": b"1", "b/c": b"2"})
    write(tmp_path, {"b/c": b"3"})
    files = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"c": b"3"}


def test_a_missing_key_keeps_a_volume_from_being_mounted_unless_it_is_optional() -> None:
    spec: Object = {"items": [{"key": "k", "path": "p"}]}
    with pytest.raises(VolumeNotReady, match="secret x has no key k"):
        select(spec, {}, "secret x")
    assert select({**spec, "optional": True}, {}, "secret x") == {}
