from mlhops.api.base import Manifest
from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.status import Hostname
from mlhops.controller.cache.entry import Name, owned_record
from mlhops.controller.cache.store import Store
from mlhops.controller.resources import (
    CONFIG_MAPS,
    EVALUATIONS,
    EVENTS,
    MODELS,
    PODS,
    ROUTES,
)
from mlhops.kserve.content import content_hashes, sha256

WARD = "ward"
SEPSIS = Name(WARD, "sepsis")


def manifest(version: int, name: str = "sepsis", **parts: Manifest) -> Manifest:
    metadata: Manifest = {
        "namespace": WARD,
        "name": name,
        "uid": f"uid-{name}",
        "resourceVersion": str(version),
    }
    return {"metadata": metadata | parts.pop("metadata", {}), **parts}


def versions(store: Store) -> dict[Name, int]:
    return {name: seen.version for name, seen in store.seen(MODELS).items()}


def test_an_older_version_does_not_replace_a_newer_one() -> None:
    store = Store()
    assert store.hear(MODELS, manifest(10, spec={"version": "2.0.0"}))
    assert not store.hear(MODELS, manifest(9, spec={"version": "1.0.0"}))
    assert not store.hear(MODELS, manifest(10, spec={"version": "1.0.0"}))
    live = store.get(MODELS, SEPSIS)
    assert live is not None
    assert live["spec"] == {"version": "2.0.0"}


def test_what_was_deleted_does_not_come_back_with_a_late_answer() -> None:
    store = Store()
    store.hear(MODELS, manifest(10))
    assert store.hear_gone(MODELS, SEPSIS, 12)
    assert not store.hear(MODELS, manifest(11))
    assert store.get(MODELS, SEPSIS) is None


def test_what_was_made_again_after_its_deletion_stays() -> None:
    store = Store()
    store.hear(MODELS, manifest(13))
    assert not store.hear_gone(MODELS, SEPSIS, 12)
    assert versions(store) == {SEPSIS: 13}


def test_deletions_are_forgotten_once_nothing_older_can_arrive() -> None:
    store = Store()
    store.hear_gone(MODELS, SEPSIS, 12)
    store.forget_the_gone(MODELS, 11)
    assert not store.hear(MODELS, manifest(11))
    store.forget_the_gone(MODELS, 12)
    assert store.hear(MODELS, manifest(11))


def test_objects_are_found_by_the_model_that_they_belong_to() -> None:
    store = Store()
    label: Manifest = {"labels": {"mlhops.io/model": "sepsis"}}
    store.hear(PODS, manifest(1, "b", metadata=label))
    store.hear(PODS, manifest(2, "a", metadata=label))
    store.hear(PODS, manifest(3, "c"))
    names = [pod["metadata"]["name"] for pod in store.of_model(PODS, WARD, "sepsis")]  # type: ignore[index,call-overload]
    assert names == ["a", "b"]
    assert store.of_model(PODS, "another", "sepsis") == []
    store.hear(PODS, manifest(5, "a"))  # somebody took the label away
    assert len(store.of_model(PODS, WARD, "sepsis")) == 1


def test_pods_of_an_evaluation_are_found_by_it_and_are_none_of_the_models_own() -> None:
    store = Store()
    labels: Manifest = {"mlhops.io/model": "sepsis", "mlhops.io/evaluation": "sepsis-a-1"}
    store.hear(PODS, manifest(1, "a", metadata={"labels": labels}))
    assert store.of_model(PODS, WARD, "sepsis") == []
    assert len(store.of_evaluation(WARD, "sepsis-a-1")) == 1
    store.hear_gone(PODS, Name(WARD, "a"), 2)
    assert store.of_evaluation(WARD, "sepsis-a-1") == []


def test_routes_are_found_by_host_names_that_overlap_in_all_namespaces() -> None:
    store = Store()
    other: Manifest = {"namespace": "icu"}
    store.hear(ROUTES, manifest(1, "ours", spec={"hostnames": ["a.x.example", "b.example"]}))
    store.hear(ROUTES, manifest(2, "theirs", metadata=other, spec={"hostnames": ["b.example"]}))
    store.hear(ROUTES, manifest(3, "wild", metadata=other, spec={"hostnames": ["*.example"]}))
    store.hear(ROUTES, manifest(4, "any", spec={}))

    def found(*hostnames: str) -> set[str]:
        return {name.name for name in store.with_hostnames(ROUTES, hostnames)}

    assert found("b.example") == {"ours", "theirs", "wild", "any"}
    assert found("*.x.example") == {"ours", "wild", "any"}
    assert found("c.other") == {"any"}
    store.hear(ROUTES, manifest(5, "theirs", metadata=other, spec={"hostnames": ["c.other"]}))
    assert found("b.example") == {"ours", "wild", "any"}
    store.hear_gone(ROUTES, Name("icu", "wild"), 6)
    assert found("b.example") == {"ours", "any"}


def test_models_are_found_by_what_they_ask_for_and_by_what_they_hold() -> None:
    store = Store()
    asked: Manifest = {"exposure": {"gateway": {"hostnames": ["new.example"]}}}
    held: Manifest = {"hostnames": [{"name": "old.example", "gateway": "ward/clinical"}]}
    change = store.hear(MODELS, manifest(1, spec=asked, status=held))
    for name in ("new.example", "old.example"):
        assert store.with_hostnames(MODELS, [name]) == [SEPSIS]
    assert change is not None
    assert set(change.latest.hostnames) == {"new.example", "old.example"}


def test_what_is_about_to_be_claimed_is_known_until_the_model_is_heard_of() -> None:
    store = Store()
    claim = Hostname.model_validate(
        {"name": "a.example", "gateway": "ward/clinical", "since": "2030-01-01T00:00:00Z"}
    )
    store.reserve(SEPSIS, [claim])
    assert store.reserved() == {SEPSIS: (claim,)}
    store.hear(MODELS, manifest(7))
    assert store.reserved() == {}


def test_nothing_is_known_of_a_kind_before_it_was_listed_nor_while_it_is_in_doubt() -> None:
    store = Store()
    assert not store.covers(MODELS, WARD)
    store.set_complete(MODELS)
    assert store.covers(MODELS, WARD)
    store.doubt(MODELS)
    assert not store.covers(MODELS, WARD)


def test_nothing_is_known_of_namespaces_that_are_not_watched() -> None:
    store = Store(["ward"])
    store.set_complete(MODELS)
    assert store.covers(MODELS, "ward")
    assert not store.covers(MODELS, "another")


def test_kinds_that_are_not_watched_are_not_kept() -> None:
    assert not Store().hear(EVENTS, manifest(1))


def test_of_an_evaluation_is_known_without_its_details_what_it_came_to_and_whose_it_is() -> None:
    store = Store()
    metadata: Manifest = {
        "labels": {"mlhops.io/model": "sepsis"},
        "creationTimestamp": "2030-01-01T00:00:00Z",
        "ownerReferences": [{"uid": "uid-of-sepsis", "controller": True}],
    }
    store.hear(
        EVALUATIONS,
        manifest(
            1,
            "sepsis-a-1",
            metadata=metadata,
            spec={"revision": "a"},
            status={"phase": "Successful"},
        ),
    )
    store.hear(EVALUATIONS, manifest(2, "sepsis-b-1", metadata=metadata, spec={"revision": "b"}))

    first, second = store.records(WARD, "sepsis")

    assert (first.name, first.owners) == ("sepsis-a-1", ("uid-of-sepsis",))
    assert (first.record.revision, first.record.phase) == ("a", EvaluationPhase.SUCCESSFUL)
    assert second.record.phase is EvaluationPhase.PENDING


def test_an_evaluation_of_a_phase_that_nobody_knows_counts_for_nothing() -> None:
    assert owned_record({"status": {"phase": "Wonderful"}}) is None


def test_of_a_config_map_only_the_hashes_of_its_texts_are_kept() -> None:
    store = Store()
    large = "x" * 100_000
    told = manifest(
        1, "sepsis-a-profile", data={"profile.json": large}, binaryData={"more": "eA=="}
    )
    store.hear(CONFIG_MAPS, {**told, "immutable": True})

    kept = store.get(CONFIG_MAPS, Name(WARD, "sepsis-a-profile"))

    assert kept is not None
    assert large not in str(kept)
    assert "binaryData" not in kept
    assert kept["immutable"] is True
    assert content_hashes(kept) == {"profile.json": sha256(large)} == content_hashes(told)


def test_models_are_found_by_the_policy_that_they_name() -> None:
    store = Store()

    def naming(version: int, name: str, policy: str) -> None:
        spec: Manifest = {"monitoring": {"policyRef": {"name": policy}}} if policy else {}
        store.hear(MODELS, manifest(version, name, spec=spec))

    naming(1, "sepsis", "strict")
    naming(2, "falls", "strict")
    naming(3, "stroke", "")
    assert store.models_watched_by(WARD, "strict") == {"sepsis", "falls"}
    assert store.models_watched_by("another", "strict") == frozenset()
    naming(4, "falls", "lenient")
    store.hear_gone(MODELS, SEPSIS, 5)
    assert store.models_watched_by(WARD, "strict") == frozenset()
    assert store.models_watched_by(WARD, "lenient") == {"falls"}
