"""When an object has to be applied again, and when not."""

from typing import cast

from mlhops.api.base import Json, Manifest
from mlhops.kserve.manifest_diff import as_applied, covers

DESIRED: Manifest = {
    "apiVersion": "v1",
    "kind": "Thing",
    "metadata": {"name": "a", "labels": {"ours": "yes"}},
    "spec": {"replicas": 2, "args": ["--x", "--y"], "env": [{"name": "A", "value": "1"}]},
}


def live(**spec: object) -> Manifest:
    """The object as the server has it, with what others added."""
    manifest: Manifest = {
        "apiVersion": "v1",
        "kind": "Thing",
        "metadata": {"name": "a", "labels": {"ours": "yes", "theirs": "too"}, "uid": "1"},
        "spec": {
            "replicas": 2,
            "args": ["--x", "--y"],
            "env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1", "note": ""}],
            "defaulted": True,
            **spec,  # type: ignore[dict-item]
        },
        "status": {},
    }
    return manifest


def managed(fields: Manifest) -> list[Json]:
    return [
        {"manager": "someone", "operation": "Apply", "fieldsV1": {"f:spec": {"f:theirs": {}}}},
        {"manager": "mlhops", "operation": "Apply", "fieldsV1": fields},
    ]


def test_what_others_added_and_the_server_defaulted_is_let_be() -> None:
    assert as_applied(live(), DESIRED)


def test_a_changed_value_is_seen() -> None:
    assert not as_applied(live(replicas=3), DESIRED)


def test_a_missing_field_is_seen() -> None:
    changed = live()
    del cast(Manifest, changed["spec"])["replicas"]
    assert not as_applied(changed, DESIRED)


def test_the_order_of_plain_values_matters() -> None:
    assert not as_applied(live(args=["--y", "--x"]), DESIRED)


def test_an_item_that_is_gone_from_a_list_of_objects_is_seen() -> None:
    assert not as_applied(live(env=[{"name": "B", "value": "2"}]), DESIRED)


def test_a_field_of_ours_that_is_no_longer_wanted_is_seen() -> None:
    was = live(maxReplicas=4)
    cast(Manifest, was["metadata"])["managedFields"] = managed(
        {"f:spec": {"f:replicas": {}, "f:maxReplicas": {}}}
    )
    assert not as_applied(was, DESIRED)


def test_a_field_of_somebody_else_is_none_of_our_business() -> None:
    was = live(theirs=1)
    cast(Manifest, was["metadata"])["managedFields"] = managed({"f:spec": {"f:replicas": {}}})
    assert as_applied(was, DESIRED)


def test_one_amount_in_two_notations_is_the_same() -> None:
    asked: Manifest = {"requests": {"cpu": "1000m", "memory": "1024Mi", "example.com/gpu": 1}}
    assert covers({"requests": {"cpu": "1", "memory": "1Gi", "example.com/gpu": "1"}}, asked)
    assert not covers({"requests": {"cpu": "1", "memory": "1Gi", "example.com/gpu": "2"}}, asked)
    assert not covers({"requests": {"cpu": "1"}}, asked)


def test_the_same_text_elsewhere_is_no_amount() -> None:
    for live, wanted in (("1", "1000m"), ("1.0", "1"), ("1k", "1000"), ("1", 1), ("v1", "v1.0")):
        assert not covers({"env": [{"value": live}]}, {"env": [{"value": wanted}]})
    assert not covers(None, {})
