"""The dashboard's pages: what is at each address, as HTML and JSON, and that no text becomes more than text."""

import json
from collections import Counter
from html.parser import HTMLParser
from typing import cast

import pytest

from mlhops.api.base import Json, Manifest
from mlhops.cli.dashboard.cluster import ApiRefusal, Expired
from mlhops.cli.dashboard.reading import models
from mlhops.cli.exits import Trouble
from mlhops.cli.output import document
from mlhops.cli.refusals import ApiRequest
from mlhops.cli.views.model import model_view
from mlhops.json_access import items, number, text
from testkit.builders import with_path
from testkit.dashboard import (
    ADDRESSES,
    EVALUATION,
    MODEL,
    MemoryCluster,
    Visitor,
    an_event,
    full,
    visitor,
)
from testkit.standings import STANDINGS, a_decision, an_evaluation

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{1234*1234}}\x1b[2J\u202e&#x3c;"


class Elements(HTMLParser):
    """What a page is made of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.words.append(data)

    @property
    def text(self) -> str:
        """All that is read."""
        return " ".join(" ".join(self.words).split())


def page(guest: Visitor, path: str) -> Elements:
    """A page that is there."""
    answer = guest.ask(path)
    assert answer.status_code == 200, answer.text
    return Elements(answer.text)


@pytest.mark.parametrize("standing", STANDINGS)
def test_a_model_in_each_standing_has_all_its_pages_and_each_has_a_twin(standing: str) -> None:
    guest = visitor(full(standing))

    for address in ADDRESSES:
        shown = page(guest, address)
        assert ("link", "href", "/static/dashboard.css") in shown.attributes
        assert (shown.tags["h1"], shown.tags["main"]) == (1, 1)
        twin = guest.ask(f"{address}.json")
        assert twin.headers["content-type"] == "application/json"
        assert twin.json()["apiVersion"] == "cli.mlhops.io/v1"


def test_a_twin_holds_what_the_plug_in_prints() -> None:
    cluster = full("inconclusive")

    twin = visitor(cluster).ask(f"{MODEL}.json").json()

    view = model_view(cluster.models[0], cluster.evaluations, cluster.decisions)
    assert twin == document("Model", view)


def test_a_page_says_who_is_waited_for_and_what_ends_it() -> None:
    shown = page(visitor(full("inconclusive")), MODEL)

    assert "Waits for a decider" in shown.text
    assert "kubectl mlhops override sepsis -n ward --gate equal-misses" in shown.text
    assert "0.14 [0.05, 0.23]" in shown.text
    assert ("svg", "aria-label", "0.14 [0.05, 0.23], limit 0.1: Inconclusive") in shown.attributes


def test_numbers_of_few_people_stay_untold() -> None:
    shown = page(visitor(full("inconclusive")), f"/evaluations/ward/{EVALUATION}")

    assert "sex=X ◷ Inconclusive untold untold" in shown.text.replace("\N{NO-BREAK SPACE}", " ")
    labels = [
        value for tag, name, value in shown.attributes if (tag, name) == ("svg", "aria-label")
    ]
    assert not any("sex=X" in label for label in labels)


def test_the_fleet_has_the_worst_first_and_is_filtered_by_its_address() -> None:
    made = [
        with_path(make(), "metadata.name", name.replace(" ", "-"))
        for name, make in STANDINGS.items()
    ]
    guest = visitor(MemoryCluster(made))

    def names(query: str) -> list[str]:
        return [
            text(row, "name") for row in items(guest.ask(f"/models.json?{query}").json(), "models")
        ]

    everything = names("")
    assert (everything[-1], len(everything)) == ("healthy", len(STANDINGS))
    assert set(names("waits=decider")) == {"approval", "inconclusive", "requests-fail", "held"}
    assert names("phase=Healthy&look=1") == ["held", "drift", "override-over"]
    assert names("waits=time") == ["timed-pause"]
    assert names("words=2.0.0+PausedBySpec") == ["paused-by-spec"]
    assert names("namespace=icu") == []
    assert guest.cluster.asked[-1].startswith(
        "/apis/mlhops.io/v1alpha1/namespaces/icu/clinicalmodels?"
    )
    assert "1 of 16 model" in page(guest, "/models?waits=time").text


def test_a_namespace_that_was_given_is_asked_for_alone() -> None:
    guest = visitor(full("healthy"), "ward")

    assert number(guest.ask("/models.json").json(), "phases", "Healthy") == 1
    assert "/namespaces/ward/" in guest.cluster.asked[-1]


@pytest.mark.parametrize("address", ADDRESSES)
def test_pages_have_no_script_or_style_of_their_own_and_nothing_from_elsewhere(
    address: str,
) -> None:
    shown = page(visitor(full("inconclusive")), address)

    assert shown.tags["style"] == 0
    assert shown.tags["script"] == 1
    for tag, name, value in shown.attributes:
        assert name != "style"
        assert not name.startswith("on")
        if name in ("href", "src", "action"):
            assert value.startswith(("/", "#")), (tag, value)
            assert not value.startswith("//")


def poisoned(value: Json) -> Json:
    """The same with a hostile text in place of each that programs do not read."""
    if isinstance(value, dict):
        return {key: poisoned(said) for key, said in value.items()}
    if isinstance(value, list):
        return [poisoned(each) for each in value]
    return EVIL if isinstance(value, str) else value


def poison(manifest: Manifest, *keep: str) -> Manifest:
    """A manifest in which all is hostile but its name, times, and what `keep` names."""
    made = cast(Manifest, poisoned(manifest))
    for path in ("metadata.name", "metadata.namespace", *keep):
        value: Json = manifest
        for part in path.split("."):
            value = cast(Manifest, value)[part]
        made = with_path(made, path, value)
    return made


@pytest.mark.parametrize("address", ADDRESSES)
def test_hostile_texts_are_texts_wherever_they_stand(address: str) -> None:
    made = full("inconclusive")
    wanted = page(visitor(made), address)
    cluster = MemoryCluster(
        [poison(made.models[0], "status.candidate.revision", "status.candidate.evaluation")],
        [poison(an_evaluation(), "spec.model", "spec.revision", "status.phase")],
        [poison(a_decision(), "spec.model")],
        [poison(an_event(), "involvedObject.kind", "involvedObject.name")],
    )

    answer = visitor(cluster).ask(address)

    shown = Elements(answer.text)
    assert answer.status_code == 200
    assert (shown.tags["script"], shown.tags["img"]) == (wanted.tags["script"], 0)
    assert not any(name.startswith("on") or name == "style" for _, name, _ in shown.attributes)
    assert "1522756" not in shown.text
    assert "\x1b" not in answer.text
    assert "\u202e" not in answer.text


def test_a_hostile_address_reaches_no_other_path() -> None:
    guest = visitor(full("healthy"))

    for address in (
        "/models/..%2f..%2fapi/x",
        "/models/ward/a%3Fb",
        "/models/ward/x%2Cspec.model%3Dy",
        "/evaluations/ward/%2e%2e",
        "/models/%3Cscript%3Ealert(1)%3C%2Fscript%3E/x",
        "/static/..%2f..%2fapp.py",
    ):
        answer = guest.ask(address)
        assert answer.status_code == 404, address
        assert "<script>alert" not in answer.text
    assert not any(".." in path or "spec.model=y" in path for path in guest.cluster.asked)


def test_what_is_refused_says_what_helps_as_html_and_as_json() -> None:
    class Forbidden(MemoryCluster):
        def get(self, path: str, asked: ApiRequest) -> Manifest:
            raise ApiRefusal(403, Trouble("eve may not look", "ask for ClusterRole mlhops-view"))

    guest = visitor(Forbidden())

    assert guest.ask("/models").status_code == 403
    assert "ask for ClusterRole mlhops-view" in guest.ask("/models").text
    assert guest.ask("/models.json").json() == {
        "apiVersion": "cli.mlhops.io/v1",
        "kind": "Failure",
        "status": 403,
        "message": "eve may not look",
        "remedy": "ask for ClusterRole mlhops-view",
    }
    assert guest.ask("/nowhere").status_code == 404


def test_what_the_caller_may_not_read_is_named_and_the_rest_is_shown() -> None:
    class Modest(MemoryCluster):
        def get(self, path: str, asked: ApiRequest) -> Manifest:
            if "/events" in path or "controllerrevisions" in path:
                raise ApiRefusal(403, Trouble("you may not"))
            return super().get(path, asked)

    made = full("inconclusive")
    guest = visitor(Modest(made.models, made.evaluations, made.decisions))

    shown = page(guest, f"{MODEL}/timeline")
    assert "Without revisions and Events, which you may not read" in shown.text
    assert "Evaluation created" in shown.text
    assert guest.ask(f"{MODEL}/events").status_code == 403


def test_a_card_is_of_the_revision_that_is_asked_for() -> None:
    guest = visitor(full("inconclusive"))

    assert guest.ask(f"{MODEL}/card.json?revision=candidate").json()["version"] == "2.0.0"
    assert guest.ask(f"{MODEL}/card.json").json()["version"] == "1.0.0"
    assert guest.ask(f"{MODEL}/card?revision=9.9.9").status_code == 404


def test_a_list_is_read_page_by_page_and_anew_where_it_grew_old() -> None:
    class Paged(MemoryCluster):
        def get(self, path: str, asked: ApiRequest) -> Manifest:
            self.asked.append(path)
            if len(self.asked) == 2:
                raise Expired
            more = {} if "continue=" in path else {"continue": "next page"}
            return {"items": [{}], "metadata": {"resourceVersion": "9", **more}}

    cluster = Paged()

    found = models(cluster)

    assert (len(found.objects), found.version) == (2, "9")
    assert ["continue=next+page" in path for path in cluster.asked] == [False, True, False, True]


def test_an_error_page_has_no_more_of_an_address_than_its_text() -> None:
    answer = visitor(full("healthy")).ask("/models?words=%22%3E%3Cscript%3E&phase=x")

    assert Elements(answer.text).tags["script"] == 1
    assert json.dumps(answer.headers["content-security-policy"]).count("unsafe") == 0
