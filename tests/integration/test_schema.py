"""What the API server makes of good and of bad objects, with the CRDs as they are in `crds/`."""

import secrets
from collections.abc import Iterator
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.cache import REPOSITORY
from lab.control import ControlPlane
from mlhops.api.base import Json, Manifest, Resource
from mlhops.cli.lint import admission
from mlhops.cli.lint.documents import read as documents
from mlhops.cli.lint.finding import field_of
from mlhops.cli.lint.rules import CelRules
from testkit.builders import (
    at_path,
    clinical_model,
    decision,
    evaluation,
    monitoring_policy,
    override,
    with_path,
)
from testkit.operators import RefusedError, Server
from testkit.refusal import Refusal
from testkit.refusals import REFUSALS
from testkit.samples import ACCEPTED, DEFAULTED, EVERYTHING, POLICY, STANDARD
from tools.crd import KINDS

TYPES: dict[str, type[Resource]] = {kind.name: kind.model for kind in KINDS}


@pytest.fixture(scope="module")
def server(control_plane: ControlPlane) -> Iterator[Server]:
    """The API server and a namespace that the tests of this module share."""
    namespace = f"schema-{secrets.token_hex(4)}"
    control_plane.kubectl("create", "namespace", namespace)
    yield Server(control_plane.kubeconfig, namespace)
    control_plane.kubectl("delete", "namespace", namespace, "--wait=false")


def renamed(manifest: Manifest) -> Manifest:
    return with_path(manifest, "metadata.name", f"test-{secrets.token_hex(4)}")


def created(server: Server, manifest: Manifest) -> Manifest:
    """The object as the server makes it; a standard is not kept, since it would be for all models of the cluster."""
    return server.create(renamed(manifest), dry_run=manifest["kind"] == "ClinicalStandard")


def read(answer: Manifest) -> Resource:
    return TYPES[str(answer["kind"])].model_validate(answer)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.what)
def test_a_bad_object_is_refused_with_the_field_and_the_remedy(
    server: Server, refusal: Refusal
) -> None:
    with pytest.raises(RefusedError) as refused:
        server.create(refusal.manifest, dry_run=True)

    assert any(blames(line, refusal.path) and refusal.remedy in line for line in told(refused)), (
        told(refused)
    )
    assert unsaid(told(refused), refusal.manifest) == []


def unsaid(lines: tuple[str, ...], manifest: Manifest) -> list[str]:
    """Lines of the server that `kubectl mlhops lint` does not say, without a cluster, of the same field.

    Lines about no field tell that rules were not checked, or the same once more.
    """
    ours = [(field_of(each.path), each.message) for each in admission.faults(manifest, RULES)]
    return [
        line
        for line in lines
        if not line.startswith("<nil>: ")
        and not any(blames(line, path) and same_words(line, said) for path, said in ours)
    ]


RULES = CelRules()
OWN_WORDS = (
    *("must be of type", "Required value", "Unsupported value", "Duplicate value"),
    *("Too long", "Too many", "should match", "unknown field", "at least", "or equal to"),
)
"""The server's words for what is no rule of ours."""


def same_words(line: str, said: str) -> bool:
    """Whether both say the same: the message of a rule, or the server's words for a kind of fault."""
    rule = said.rpartition("evaluating rule: ")[2]
    return rule in line or any(words in line and words in said for words in OWN_WORDS)


def told(refused: pytest.ExceptionInfo[RefusedError]) -> tuple[str, ...]:
    return refused.value.lines


def blames(line: str, path: str) -> bool:
    """Whether a line is about that field; an unknown field has no line, only a message."""
    return line.startswith(f"{path}: ") or f'unknown field "{path}"' in line


@pytest.mark.parametrize("kind", DEFAULTED)
def test_what_is_left_out_is_filled_in_by_the_server(server: Server, kind: str) -> None:
    manifest, spec = DEFAULTED[kind]

    assert created(server, manifest)["spec"] == spec
    assert filled_in_by_lint(manifest)["spec"] == spec


def filled_in_by_lint(manifest: Manifest) -> Manifest:
    """A manifest with the defaults that lint fills in before it asks the rules."""
    schema = admission.schema_of(manifest)
    assert schema is not None
    return cast(Manifest, admission.prepared(manifest, schema))


@pytest.mark.parametrize("manifest", [clinical_model(), monitoring_policy()])
def test_what_no_operator_has_seen_says_so(server: Server, manifest: Manifest) -> None:
    assert server.create(renamed(manifest))["status"] == {"observedGeneration": -1}


@pytest.mark.parametrize("manifest", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_a_good_object_is_accepted_and_read_back_whole(server: Server, manifest: Manifest) -> None:
    answer = created(server, manifest)

    assert includes(answer["spec"], manifest["spec"])
    ours = read(answer)
    assert includes(ours.to_json()["spec"], without_moments(answer["spec"]))
    assert read({**answer, **ours.to_json()}) == ours


def includes(whole: Json, part: Json) -> bool:
    """Whether all of a value is in another, which may have more fields."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and includes(whole[key], part[key]) for key in part)
    if isinstance(part, list) and isinstance(whole, list):
        return len(whole) == len(part) and all(map(includes, whole, part))
    return whole == part


def without_moments(spec: Json) -> Json:
    """Moments are written in another way than they were read in."""
    assert isinstance(spec, dict)
    return {key: value for key, value in spec.items() if key != "expires"}


EXAMPLES = {
    f"{path.name} {document.manifest['kind']}": document.manifest
    for path in sorted((REPOSITORY / "manifests" / "examples").rglob("*.yaml"))
    for document in documents(path.read_text(), str(path))[0]
    if admission.is_ours(document.manifest)
}


@pytest.mark.parametrize("manifest", EXAMPLES.values(), ids=EXAMPLES.keys())
def test_each_example_is_accepted_as_it_is(server: Server, manifest: Manifest) -> None:
    answer = server.create(manifest, dry_run=True)

    assert includes(answer["spec"], manifest["spec"])


def test_a_name_may_have_forty_characters(server: Server) -> None:
    name = f"a{secrets.token_hex(4)}".ljust(40, "b")

    assert at_path(server.create(clinical_model(name=name)), "metadata.name") == name


@pytest.mark.parametrize(
    ("manifest", "change", "value"),
    [
        (evaluation(), "spec.seed", 7),
        (evaluation(), "spec.data.idColumn", "id"),
        (evaluation(), "spec.gates.0.limit", 0.5),
        (decision(), "spec.action", "Promote"),
        (decision(), "spec.reason", "On second thoughts"),
        (override(), "spec.expires", "2031-01-31T12:00:00Z"),
        (override(), "spec.failed", True),
        (decision({"spec.gatesHash": "1e" * 32}), "spec.gatesHash", "2d" * 32),
    ],
)
def test_a_record_cannot_be_edited(
    server: Server, manifest: Manifest, change: str, value: Json
) -> None:
    answer = server.create(renamed(manifest))
    kind = manifest["kind"]

    with pytest.raises(RefusedError) as refused:
        server.replace(with_path(answer, change, value))

    remedy = f"the spec of {kind} cannot be changed: create a new {kind} instead"
    assert any(line.startswith("spec: ") and remedy in line for line in told(refused))


@pytest.mark.parametrize("manifest", [evaluation(), decision()], ids=lambda m: m["kind"])
def test_the_labels_of_a_record_can_be_edited(server: Server, manifest: Manifest) -> None:
    answer = server.create(renamed(manifest))

    labelled = server.replace(with_path(answer, "metadata.labels", {"reviewed": "yes"}))

    assert at_path(labelled, "metadata.labels.reviewed") == "yes"
    assert at_path(labelled, "metadata.generation") == 1


def test_a_write_of_the_spec_leaves_the_status_alone(server: Server) -> None:
    answer = server.create(with_path(renamed(clinical_model()), "status.message", "all is well"))
    assert "message" not in cast(Manifest, answer["status"])
    told_status = server.replace_status(with_path(answer, "status.message", "starting"))

    changed = with_path(told_status, "spec.version", "2.0.0")
    written = server.replace(with_path(changed, "status.message", "all is well"))

    assert at_path(written, "status.message") == "starting"
    assert at_path(written, "spec.version") == "2.0.0"
    assert at_path(written, "metadata.generation") == 2


def test_a_write_of_the_status_leaves_the_spec_alone(server: Server) -> None:
    answer = server.create(renamed(clinical_model()))

    changed = with_path(answer, "spec.version", "2.0.0")
    written = server.replace_status(with_path(changed, "status.message", "starting"))

    assert at_path(written, "status.message") == "starting"
    assert at_path(written, "spec.version") == "1.0.0"
    assert at_path(written, "metadata.generation") == 1


def test_a_phase_that_does_not_exist_cannot_be_written(server: Server) -> None:
    answer = server.create(renamed(clinical_model()))

    with pytest.raises(RefusedError) as refused:
        server.replace_status(with_path(answer, "status.phase", "Happy"))

    assert any(
        blames(line, "status.phase") and '"Healthy", "Degraded"' in line for line in told(refused)
    )


def paths(value: Json, at: str = "") -> Iterator[str]:
    """The path of each value below a value, but for keys that have dots of their own."""
    parts = value.items() if isinstance(value, dict) else enumerate(cast("list[Json]", value))
    for key, part in parts:
        if "." not in str(key):
            yield f"{at}{key}"
            if isinstance(part, dict | list):
                yield from paths(part, f"{at}{key}.")


NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
CRAFTED = st.sampled_from(
    (
        *("0s", "9d" * 16, "1e999", "NaN", "-1", "1Ki", "v2", "\x00", "s3://b/\u202e"),
        *("2099-12-31T23:59:59-14:00", "2001-01-01T00:00:00.000000001Z", "9999-12-31T23:59:59Z"),
    )
)
ANYTHING: st.SearchStrategy[Json] = (
    st.none() | st.booleans() | NUMBERS | TEXTS | CRAFTED | st.just({}) | st.just([])
)


def alike(value: Json) -> st.SearchStrategy[Json]:
    """Values that may stand in another's place; most are of its type, so that many are accepted."""
    if isinstance(value, bool):
        return st.booleans() | ANYTHING
    if isinstance(value, int | float):
        return st.integers(0, 100) | st.floats(0, 1) | NUMBERS | ANYTHING
    if isinstance(value, str):
        return CRAFTED | TEXTS | ANYTHING
    return ANYTHING | st.lists(ANYTHING, max_size=3)


BASES = (EVERYTHING, evaluation(), override(), POLICY, STANDARD)
PLACES = [
    (base, path)
    for base in BASES
    for path in paths(base["spec"], "spec.")
    if not isinstance(at_path(base, path), dict | list)
]


@settings(max_examples=150)
@given(place=st.sampled_from(PLACES), data=st.data())
def test_whatever_the_server_accepts_the_operator_can_read_and_lint_accepts_nothing_else(
    server: Server, place: tuple[Manifest, str], data: st.DataObject
) -> None:
    manifest, path = place
    value = data.draw(alike(at_path(manifest, path)))
    changed = renamed(with_path(manifest, path, value))
    refused_by_lint = [each.message for each in admission.faults(changed, RULES)]
    try:
        answer = server.create(changed, dry_run=True)
    except RefusedError:
        assert refused_by_lint
        return

    assert refused_by_lint == []
    ours = read(answer)

    assert read({**answer, **ours.to_json()}) == ours
