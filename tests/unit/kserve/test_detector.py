"""What stands beside a model server, and what it is told."""

import json
from typing import cast

import pytest

from mlhops.api.base import Json, Manifest, ObjectMeta
from mlhops.api.detector import DetectorConfig
from mlhops.detector.__main__ import _options
from mlhops.json_access import items, text
from mlhops.kserve.content import without_content
from mlhops.kserve.detector import (
    Detector,
    Detectors,
    beside,
    beside_live,
    config_map,
    is_configured,
)
from testkit.builders import with_path

META = ObjectMeta(name="sepsis", namespace="ward", uid="uid-1")
OURS = Detector(image="registry.example/detector:2")
CONFIG = DetectorConfig.model_validate(
    {
        "revision": "bcd",
        "features": [{"name": "creatinine", "unit": "µmol/L"}],
        "output": {"name": "risk", "threshold": 0.5},
        "windows": [{"name": "hour", "length": "1h"}],
    }
)


def container() -> Manifest:
    return items(beside("sepsis-bcd", OURS), "containers")[0]


def test_the_detector_reads_the_files_that_are_mounted_and_listens_where_it_is_asked() -> None:
    options = _options([cast(str, word) for word in cast("list[Json]", container()["args"])])
    mounts = {text(m, "mountPath"): text(m, "name") for m in items(container(), "volumeMounts")}
    maps = {
        text(v, "name"): text(v, "configMap", "name")
        for v in items(beside("sepsis-bcd", OURS), "volumes")
    }
    assert maps[mounts[str(options.config.parent)]] == "sepsis-bcd-detector"
    assert maps[mounts[str(options.profile.parent)]] == "sepsis-bcd-profile"
    assert text(beside("s", OURS), "logger", "url") == f"http://localhost:{options.sink_port}/"
    assert options.sink_host == "127.0.0.1"
    assert items(container(), "ports")[0]["containerPort"] == options.report_port


def test_a_model_waits_neither_for_the_detector_nor_for_its_files() -> None:
    assert "readinessProbe" not in container()
    assert "startupProbe" not in container()
    for volume in items(beside("sepsis-bcd", OURS), "volumes"):
        assert cast(Manifest, volume["configMap"])["optional"] is True


def test_alibi_detect_has_room_and_a_folder_in_memory_and_nothing_else_that_others_lack() -> None:
    with_it = beside("sepsis-bcd", Detector(image=OURS.image, engine="AlibiDetect"))
    (theirs,) = items(with_it, "containers")
    assert text(theirs, "resources", "limits", "memory") == "1Gi"
    (mount,) = (one for one in items(theirs, "volumeMounts") if not one.get("readOnly"))
    (volume,) = (one for one in items(with_it, "volumes") if one["name"] == mount["name"])
    assert mount["mountPath"] == "/tmp"
    assert text(volume, "emptyDir", "medium") == "Memory"
    same = {key: value for key, value in theirs.items() if key not in ("resources", "volumeMounts")}
    assert same == {key: container()[key] for key in same}


def test_what_is_written_is_what_the_detector_reads() -> None:
    written = config_map(META, "sepsis-bcd", CONFIG)
    assert DetectorConfig.model_validate_json(text(written, "data", "config.json")) == CONFIG
    assert text(written, "metadata", "name") == "sepsis-bcd-detector"
    assert json.loads(text(written, "data", "config.json"))["features"][0]["unit"] == "µmol/L"


def test_of_a_large_interface_the_detector_is_told_what_it_counts_and_not_what_people_read() -> (
    None
):
    feature = CONFIG.features[0]
    many = [
        feature.model_copy(update={"name": f"f{n}", "description": "é" * 1000}) for n in range(512)
    ]
    large = CONFIG.model_copy(update={"features": many})
    told = text(config_map(META, "sepsis-bcd", large), "data", "config.json")
    assert len(told.encode()) < 2**20
    found = DetectorConfig.model_validate_json(told).features
    assert found == [each.model_copy(update={"description": None}) for each in many]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("data", {"config.json": "{}"}),
        ("data", {}),
        ("metadata.ownerReferences", []),
        ("metadata.ownerReferences", [{"uid": "uid-2", "controller": True}]),
        ("metadata.labels", {"mlhops.io/model": "sepsis"}),
    ],
)
def test_what_somebody_has_changed_is_written_again(path: str, value: Json) -> None:
    desired = config_map(META, "sepsis-bcd", CONFIG)
    assert is_configured(desired, desired, META.uid)
    assert is_configured(without_content(desired), desired, META.uid)
    assert not is_configured(None, desired, META.uid)
    assert not is_configured(with_path(desired, path, value), desired, META.uid)


def live(image: str, manager: str) -> Manifest:
    """An InferenceService with a detector that somebody has applied."""
    fields: Manifest = {"f:spec": {"f:predictor": {"f:containers": {}}}}
    entry: Manifest = {"manager": manager, "operation": "Apply", "fieldsV1": fields}
    theirs: Manifest = {"name": "drift-detector", "image": image}
    return {
        "metadata": {"managedFields": [entry]},
        "spec": {"predictor": {"containers": [theirs]}},
    }


def test_a_server_whose_record_is_lost_keeps_the_detector_that_we_gave_it() -> None:
    earlier = "registry.example/detector:1"
    assert beside_live(live(earlier, "mlhops"), OURS) == Detector(image=earlier)
    assert beside_live(live("elsewhere.example/x", "kubectl"), OURS) == OURS
    assert beside_live({"spec": {"predictor": {"model": {}}}}, OURS) is None
    assert beside_live(None, OURS) == OURS


def test_pull_secrets_are_in_the_record_of_a_new_revision_alone() -> None:
    new = Detectors("d:3", "alibi:3", ("registry",)).of(None)
    assert beside("sepsis-bcd", new)["imagePullSecrets"] == [{"name": "registry"}]
    assert Detector.model_validate(new.to_json()) == new
    # What was recorded before there were any is rendered as it was, and its record stays the same bytes.
    assert "imagePullSecrets" not in beside("sepsis-bcd", OURS)
    assert OURS.to_json() == {"image": OURS.image}


def test_a_server_whose_record_is_lost_keeps_the_pull_secrets_that_we_gave_it() -> None:
    found = live("d:3", "mlhops")
    spec = cast(Manifest, cast(Manifest, found["spec"])["predictor"])
    spec["imagePullSecrets"] = [{"name": "registry"}]
    assert beside_live(found, OURS) == Detector(image="d:3")  # somebody else has set it
    path = "metadata.managedFields.0.fieldsV1.f:spec.f:predictor.f:imagePullSecrets"
    mine = with_path(found, path, {})
    assert beside_live(mine, OURS) == Detector(image="d:3", image_pull_secrets=("registry",))
