"""A profile on its way from an evaluator's pod to a ConfigMap, on a real API server."""

import gzip
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest

from mlhops.api.base import Json, Manifest
from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.profile import MOST_BYTES, Profile, StoredProfile
from mlhops.controller.resources import CONFIG_MAPS, EVALUATIONS, MODELS
from mlhops.json_access import at, items, text
from testkit.api import until
from testkit.builders import clinical_model
from testkit.evaluator_pod import Answering, handing_over, own_address, profile_of, send, text_of
from testkit.fake_controllers import MODEL, Hands, OperatorProcess

WATCHED: Manifest = {"policyRef": {"name": "ward"}}


def evaluated(hands: Hands, **spec: object) -> tuple[str, Manifest]:
    """Bring a watched model to where its evaluator has made a profile; return the Evaluation."""
    hands.apply_model("1.0.0", monitoring=WATCHED, **spec)
    hands.load(hands.candidate_service())
    name = hands.running_evaluation()
    return name, hands.api.get(EVALUATIONS, hands.namespace, name) or {}


def spec_of(made: Manifest) -> Manifest:
    spec = made["spec"]
    assert isinstance(spec, dict)
    return spec


def told(hands: Hands, name: str) -> StoredProfile | None:
    """What the Evaluation's status says of the profile."""
    found = at(hands.api.get(EVALUATIONS, hands.namespace, name), "status", "profile")
    return StoredProfile.model_validate(found) if found is not None else None


def kept(hands: Hands) -> Manifest | None:
    service = text(hands.candidate(), "inferenceService") or text(
        hands.model(), "status", "stable", "inferenceService"
    )
    return hands.api.get(CONFIG_MAPS, hands.namespace, f"{service}-profile")


def finished(hands: Hands, name: str) -> str:
    """Wait for the Evaluation's verdict."""

    def look() -> str:
        live = hands.api.get(EVALUATIONS, hands.namespace, name)
        return text(live, "status", "phase") if at(live, "status", "finishedAt") else ""

    return until("the verdict", look)


def uid_of(made: Manifest) -> str:
    return text(made, "metadata", "uid")


def test_a_profile_becomes_an_immutable_configmap_of_its_revision(hands: Hands) -> None:
    name, made = evaluated(hands)
    profile, address = profile_of(spec_of(made)), own_address()
    assert at(made, "spec", "profile") is True

    with handing_over(profile, uid_of(made), address) as taken:
        hands.hand_over(name, address)
        live = until("the ConfigMap", lambda: kept(hands))
        assert taken.wait(20)
    hands.finish(EvaluationPhase.SUCCESSFUL, profile=StoredProfile(digest=profile.digest()))

    assert finished(hands, name) == "Successful"
    assert told(hands, name) == StoredProfile(digest=profile.digest())
    assert at(live, "immutable") is True
    stored = text(live, "data", "profile.json")
    assert Profile.model_validate_json(stored) == profile
    assert text(live, "metadata", "annotations", "mlhops.io/profile-digest") == profile.digest()
    assert text(live, "metadata", "labels", "mlhops.io/model") == MODEL
    assert text(live, "metadata", "labels", "mlhops.io/revision") == profile.revision
    (owner,) = items(live, "metadata", "ownerReferences")
    assert owner["uid"] == at(hands.model(), "metadata", "uid")
    assert at(kept(hands), "metadata", "uid") == at(live, "metadata", "uid")
    assert "ProfileMissing" not in hands.reasons()


def test_the_profile_of_two_hundred_features_fits(hands: Hands) -> None:
    features: list[Json] = [{"name": f"f{n}"} for n in range(200)]
    interface = at(clinical_model(), "spec", "interface")
    assert isinstance(interface, dict)
    name, made = evaluated(hands, interface={**interface, "features": features})
    profile, address = profile_of(spec_of(made), rows=3000), own_address()
    assert MOST_BYTES // 4 < len(profile.to_text()) < MOST_BYTES

    with handing_over(profile, uid_of(made), address) as taken:
        hands.hand_over(name, address)
        assert taken.wait(30)

    assert text(kept(hands), "data", "profile.json") == profile.to_text()


def test_an_operator_that_is_killed_while_it_fetches_loses_nothing(
    hands: Hands, operator: OperatorProcess
) -> None:
    name, made = evaluated(hands)
    profile, address = profile_of(spec_of(made)), own_address()
    killed: list[bool] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if not killed:
            time.sleep(3)  # the operator is no more when this is over
        send(handler, profile.to_text().encode())

    with Answering(address, answer) as pod:
        hands.hand_over(name, address)
        until("a request", lambda: "GET" in pod.asked)
        operator.kill()
        killed.append(True)
        assert kept(hands) is None
        operator.start()
        until("the ConfigMap", lambda: kept(hands))
        until("word that it is kept", lambda: "DELETE" in pod.asked)
    hands.finish(EvaluationPhase.SUCCESSFUL, profile=StoredProfile(digest=profile.digest()))

    assert finished(hands, name) == "Successful"
    assert told(hands, name) == StoredProfile(digest=profile.digest())


def test_an_operator_that_is_killed_before_it_says_so_says_it_later_and_writes_nothing_twice(
    hands: Hands, operator: OperatorProcess
) -> None:
    name, made = evaluated(hands)
    profile, address = profile_of(spec_of(made)), own_address()
    killed: list[bool] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.command == "DELETE" and not killed:
            time.sleep(3)
        send(handler, profile.to_text().encode())

    with Answering(address, answer) as pod:
        hands.hand_over(name, address)
        until("the start of word", lambda: "DELETE" in pod.asked)
        operator.kill()
        killed.append(True)
        first = kept(hands)
        before = pod.asked.count("DELETE")
        operator.start()
        until("word once more", lambda: pod.asked.count("DELETE") > before)
        assert pod.asked.count("GET") == 1
    assert at(kept(hands), "metadata", "uid") == at(first, "metadata", "uid") is not None


Hostile = Callable[[BaseHTTPRequestHandler, Profile], None]


def too_large(handler: BaseHTTPRequestHandler, _: Profile) -> None:
    send(handler, b"[" + b"1," * MOST_BYTES + b"1]")


def endless(handler: BaseHTTPRequestHandler, _: Profile) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"x" * 65536)


def a_bomb(handler: BaseHTTPRequestHandler, _: Profile) -> None:
    send(handler, gzip.compress(b"0" * (64 << 20)), headers={"Content-Encoding": "gzip"})


def slow(handler: BaseHTTPRequestHandler, profile: Profile) -> None:
    handler.send_response(200)
    handler.end_headers()
    for letter in profile.to_text()[:200]:
        handler.wfile.write(letter.encode())
        time.sleep(0.5)


def garbage(handler: BaseHTTPRequestHandler, _: Profile) -> None:
    send(handler, bytes(range(256)))


def nested(handler: BaseHTTPRequestHandler, _: Profile) -> None:
    send(handler, b'{"features":' + b"[" * 300_000)


def of_another_revision(handler: BaseHTTPRequestHandler, profile: Profile) -> None:
    send(handler, text_of(profile, revision="another"))


def of_other_features(handler: BaseHTTPRequestHandler, profile: Profile) -> None:
    features = [feature.to_json() for feature in profile.features]
    send(handler, text_of(profile, features=features[::-1], joint=None))


def refused(handler: BaseHTTPRequestHandler, _: Profile) -> None:
    send(handler, b"", 500)


@pytest.mark.parametrize(
    ("hostile", "words"),
    [
        (too_large, "answered with more than 1,048,576 bytes"),
        (endless, "answered with more than 1,048,576 bytes"),
        (a_bomb, "not JSON"),
        (slow, "did not answer within 5 s"),
        (garbage, "not JSON"),
        (nested, "not JSON"),
        (of_another_revision, "is not of revision"),
        (of_other_features, "not of the features of the interface"),
        (refused, "answered with HTTP 500"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_no_profile_of_the_revision_is_not_kept_and_holds_nothing_up(
    hands: Hands, hostile: Hostile, words: str
) -> None:
    name, made = evaluated(hands)
    profile, address = profile_of(spec_of(made)), own_address()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        hostile(handler, profile)

    with Answering(address, answer):
        hands.hand_over(name, address)
        found = until("word of it", lambda: told(hands, name), 30)
        assert words in (found.error or "")
        assert kept(hands) is None
        hands.finish(EvaluationPhase.SUCCESSFUL, profile=StoredProfile(digest=profile.digest()))
        assert finished(hands, name) == "Successful"

    last = told(hands, name)
    assert last is not None
    assert words in (last.error or "")
    until("an Event", lambda: "ProfileMissing" in hands.reasons())
    assert kept(hands) is None
    until("the first route", hands.weights)  # the model serves; monitoring cannot tell


def test_nobody_is_led_elsewhere(hands: Hands) -> None:
    name, made = evaluated(hands)
    profile, address, other = profile_of(spec_of(made)), own_address(), own_address()

    def elsewhere(handler: BaseHTTPRequestHandler) -> None:
        send(handler, b"", 307, {"Location": f"http://{other}:9502/profile"})

    with (
        Answering(address, elsewhere),
        Answering(other, lambda handler: send(handler, profile.to_text().encode())) as not_asked,
    ):
        hands.hand_over(name, address)
        found = until("word of it", lambda: told(hands, name))
        assert "answered with HTTP 307" in (found.error or "")
        assert not_asked.asked == []
    assert kept(hands) is None


def test_another_profile_than_the_evaluator_signed_is_no_profile_and_the_verdict_none(
    hands: Hands,
) -> None:
    name, made = evaluated(hands)
    profile, address = profile_of(spec_of(made)), own_address()
    with handing_over(profile, uid_of(made), address) as taken:
        hands.hand_over(name, address)
        assert taken.wait(20)
    assert kept(hands) is not None

    another = profile_of(spec_of(made), seed=1).digest()
    hands.finish(EvaluationPhase.SUCCESSFUL, profile=StoredProfile(digest=another))

    assert finished(hands, name) == "Error"
    until("an end of the ConfigMap", lambda: kept(hands) is None)
    until("an Event", lambda: "ProfileRefused" in hands.reasons())
    hands.wait_for_phase("Paused")
    assert hands.weights() == {}


def test_an_evaluator_that_dies_without_a_word_leaves_no_profile(hands: Hands) -> None:
    name, made = evaluated(hands)
    profile, address = profile_of(spec_of(made)), own_address()
    with handing_over(profile, uid_of(made), address) as taken:
        hands.hand_over(name, address)
        assert taken.wait(20)

    hands.end_evaluator(name, "", 1)

    assert finished(hands, name) == "Error"
    until("an end of the ConfigMap", lambda: kept(hands) is None)


def test_what_somebody_else_has_under_its_name_is_let_be(hands: Hands) -> None:
    name, made = evaluated(hands)
    profile, address = profile_of(spec_of(made)), own_address()
    theirs = f"{text(hands.candidate(), 'inferenceService')}-profile"
    foreign: Manifest = {"metadata": {"name": theirs}, "data": {"profile.json": "theirs"}}
    hands.api.create(CONFIG_MAPS, hands.namespace, foreign)

    with Answering(address, lambda handler: send(handler, profile.to_text().encode())):
        hands.hand_over(name, address)
        found = until("word of it", lambda: told(hands, name))
        assert "belongs to somebody else" in (found.error or "")
    hands.finish(EvaluationPhase.SUCCESSFUL, profile=StoredProfile(digest=profile.digest()))

    assert finished(hands, name) == "Successful"
    assert at(kept(hands), "data") == {"profile.json": "theirs"}


def test_a_profile_goes_with_its_model(hands: Hands) -> None:
    name, made = evaluated(hands)
    profile, address = profile_of(spec_of(made)), own_address()
    with handing_over(profile, uid_of(made), address) as taken:
        hands.hand_over(name, address)
        assert taken.wait(20)
    service = text(hands.candidate(), "inferenceService")

    hands.api.delete(MODELS, hands.namespace, MODEL)

    def look() -> Manifest | None:
        return hands.api.get(CONFIG_MAPS, hands.namespace, f"{service}-profile")

    until("an end of the ConfigMap", lambda: look() is None)
