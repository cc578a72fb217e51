"""What of a model server callers get to see: each path that servers know is asked through a real Envoy.

The server is KServe's own, the route the operator's, and between them stands what the lab's gateway makes of it.
"""

import asyncio
import http.client
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import joblib
import numpy as np
import pytest
from fastapi import APIRouter, FastAPI
from kserve.model_repository import ModelRepository
from kserve.model_server import parser
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.model_repository_extension import ModelRepositoryExtension
from kserve.protocol.rest.server import RESTServer
from kserve.protocol.rest.timeseries.dataplane import TimeSeriesDataPlane
from kserve.protocol.rest.timeseries.endpoints import register_time_series_endpoints
from sklearn.linear_model import LogisticRegression
from starlette.routing import Route

from lab.addresses import Block, claim
from lab.client import Object
from lab.envoy import Envoy
from lab.gateway.configuration import Listener, configuration
from lab.gateway.services import directory
from lab.gateway.translate import routes_of
from lab.processes import Processes
from mlhops.api.base import Json, Manifest
from mlhops.api.model import ClinicalModel
from mlhops.routing.gateway_api import GatewayRouter
from mlhops.routing.route import Answerer, Features
from mlhops.routing.traffic import Traffic
from testkit.builders import clinical_model

HOST, NAME, PORT = "sepsis.models.example", "sepsis", 8080
ROWS = {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [0.5, 1.0]}]}
INSTANCES = {"instances": [[0.5, 1.0]]}
BODIES: dict[str, Mapping[str, object]] = {"infer": ROWS, "predict": INSTANCES}
OWN = {
    "v1": {
        "GET /v1/models/sepsis",
        "POST /v1/models/sepsis:predict",
        "POST /v1/models/sepsis:explain",
    },
    "v2": {
        "GET /v2/models/sepsis",
        "GET /v2/models/sepsis/ready",
        "POST /v2/models/sepsis/infer",
    },
}
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")

MLSERVER = """
GET  /v2
GET  /v2/health/live
GET  /v2/health/ready
GET  /v2/models/sepsis
GET  /v2/models/sepsis/ready
POST /v2/models/sepsis/infer
POST /v2/models/sepsis/infer_stream
POST /v2/models/sepsis/generate
POST /v2/models/sepsis/generate_stream
GET  /v2/models/sepsis/versions/1
GET  /v2/models/sepsis/versions/1/ready
POST /v2/models/sepsis/versions/1/infer
POST /v2/models/sepsis/versions/1/infer_stream
POST /v2/models/sepsis/versions/1/generate
POST /v2/models/sepsis/versions/1/generate_stream
GET  /v2/models/sepsis/docs
GET  /v2/models/sepsis/docs/dataplane.json
GET  /v2/models/sepsis/versions/1/docs
GET  /v2/models/sepsis/versions/1/docs/dataplane.json
GET  /v2/docs
GET  /v2/docs/dataplane.json
POST /v2/repository/index
POST /v2/repository/models/sepsis/load
POST /v2/repository/models/sepsis/unload
GET  /metrics
GET  /docs
GET  /openapi.json
"""
"""MLServer's paths, by its OpenAPI documents (dataplane, model_repository) and `mlserver/rest/app.py`."""

OPENAI = """
POST /openai/v1/completions
POST /openai/v1/chat/completions
POST /openai/v1/embeddings
POST /openai/v1/rerank
GET  /openai/v1/models
GET  /openai/v1/models/sepsis
"""
"""What KServe registers for language models (`kserve/protocol/rest/openai/endpoints.py`), which need vLLM to import."""

TRICKS = (
    "POST //v2/repository/models/sepsis/unload",
    "POST /v2/models/sepsis/../../repository/models/sepsis/unload",
    "POST /v2/models/sepsis/infer/../../../repository/models/sepsis/unload",
    "POST /v2/models/sepsis/%2e%2e/%2e%2e/repository/models/sepsis/unload",
    "POST /v2/models/sepsis/..%2f..%2frepository/models/sepsis/unload",
    "POST /v2/models/sepsis/..;/..;/repository/models/sepsis/unload",
    "POST /v2/models/sepsis/infer/..%5c..%5c..%5crepository/models/sepsis/unload",
    "POST /v2/repository/models/sepsis/unload?/v2/models/sepsis/infer",
    "POST /v2/repository/models/sepsis/unload#/v2/models/sepsis/infer",
    "POST /v2/repository/models/sepsis/unload/",
    "POST /V2/repository/models/sepsis/unload",
    "POST /v2%2frepository/models/sepsis/unload",
    "POST /v2/models/sepsis/infer;/../../../repository/models/sepsis/unload",
    "POST http://sepsis.models.example/v2/repository/models/sepsis/unload",
    "POST /v2/models/sepsis%2f..%2f..%2frepository%2fmodels%2fsepsis%2funload",
)
"""Other ways to write the path that unloads the model."""


@dataclass(frozen=True)
class Answer:
    """What a caller got."""

    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def passed(self) -> bool:
        """Whether a model server was asked, which Envoy tells."""
        return "x-envoy-upstream-service-time" in self.headers

    @property
    def by(self) -> str:
        """Who answered, by the headers."""
        return " ".join(
            self.headers.get(f"mlhops-{of}", "-") for of in ("model", "version", "revision")
        )


class Street:
    """Envoy with a listener, and model servers behind it, each under the name of an InferenceService."""

    def __init__(self, processes: Processes, block: Block, model: Path) -> None:
        self._processes, self._block, self._model = processes, block, model
        self._loop = asyncio.new_event_loop()
        self._envoy = self._loop.run_until_complete(self._start_envoy())
        self._servers: dict[str, str] = {}
        self.gateway = block.address(0, 16)

    async def _start_envoy(self) -> Envoy:
        envoy = Envoy(self._processes, self._processes.root / "envoy", self._block.node)
        await envoy.start()
        return envoy

    def close(self) -> None:
        self._loop.run_until_complete(self._envoy.stop())
        self._loop.close()

    def serve(self, service: str) -> None:
        """Start KServe's server, or start it again."""
        address = self._servers.setdefault(service, self._block.address(1, len(self._servers) + 1))
        self._processes.end(service, grace=0.0)
        arguments = (f"--model_name={NAME}", f"--model_dir={self._model}", f"--http_port={PORT}")
        self._processes.spawn(
            service,
            (sys.executable, "-m", "lab.modelserver", *arguments),
            env={**os.environ, "LAB_POD_IP": address},
            watched=False,
        )
        self._processes.wait_until(lambda: self._is_up(service), f"{service} to answer", 60)

    def _is_up(self, service: str) -> bool:
        try:
            return self.direct(service, "GET", "/v2/health/ready").status == 200
        except OSError:
            return False

    def lead(self, route: Manifest) -> None:
        """Have Envoy do what an HTTPRoute says."""
        services, pods = [], []
        for service, address in self._servers.items():
            metadata = {"name": f"{service}-predictor", "namespace": "icu"}
            port = {"port": 80, "targetPort": PORT}
            spec = {"selector": {"app": service}, "ports": [port]}
            services.append({"metadata": metadata, "spec": spec})
            ready = {"type": "Ready", "status": "True"}
            pod = {"name": service, "namespace": "icu", "labels": {"app": service}}
            status = {"podIP": address, "conditions": [ready]}
            pods.append({"metadata": pod, "spec": {"containers": []}, "status": status})
        found = directory(services, pods)
        live = cast(Object, {**route, "metadata": {"name": NAME, "namespace": "icu"}})
        routes = routes_of(live, found.has)
        listener = Listener("callers", self.gateway, PORT, {HOST: routes})
        config = configuration([listener], found, self._block.node, self._envoy.source)
        self._loop.run_until_complete(self._envoy.load(config))

    def ask(self, what: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask through the gateway: a method and a path, which is sent as it stands."""
        method, path = what.split(maxsplit=1)
        return _ask(self.gateway, method, path, headers or {})

    def direct(self, service: str, method: str, path: str) -> Answer:
        """Ask a server itself, as whoever reaches its pod may."""
        return _ask(self._servers[service], method, path, {})


def _ask(address: str, method: str, path: str, headers: Mapping[str, str]) -> Answer:
    with closing(http.client.HTTPConnection(address, PORT, timeout=10)) as connection:
        body = json.dumps(BODIES.get(path.rsplit("/", 1)[-1].rsplit(":", 1)[-1], {}))
        given = {"Host": HOST, "Content-Type": "application/json", **headers}
        connection.request(method, path, body if method == "POST" else None, given)
        answer = connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, names, answer.read().decode(errors="replace"))


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    folder = tmp_path_factory.mktemp("model")
    random = np.random.default_rng(0)
    model = LogisticRegression().fit(random.normal(size=(50, 2)), random.integers(0, 2, 50))
    joblib.dump(model, folder / "model.joblib")
    block = claim()
    with Processes(tmp_path_factory.mktemp("street")) as processes, closing(block.holder):
        street = Street(processes, block, folder)
        street.serve("sepsis-a")
        street.serve("sepsis-b")
        yield street
        street.close()


ANSWERERS = {
    f"sepsis-{letter}": Answerer(letter, version, frozenset({"v2"}))
    for letter, version in (("a", "1.0.0"), ("b", "2.0.0"))
}


def route(
    weights: Mapping[str, int] | None = None,
    protocol: str = "v2",
    features: Features = Features.FULL,
    **exposure: Json,
) -> Manifest:
    """The operator's HTTPRoute."""
    gateway: Json = {"name": "clinical", "hostnames": [HOST]}
    manifest = clinical_model({"spec.exposure": {"gateway": gateway, **exposure}}, NAME)
    answerers = {
        name: Answerer(one.revision, one.version, frozenset({protocol}))
        for name, one in ANSWERERS.items()
    }
    model = ClinicalModel.model_validate(manifest)
    traffic = Traffic(weights or {"sepsis-a": 100})
    return GatewayRouter().desired(model, traffic, answerers, features)


def known_paths() -> set[str]:
    """All that KServe's server and MLServer answer, each with its method."""
    app, registry = FastAPI(), ModelRepository()
    extension = ModelRepositoryExtension(registry)
    RESTServer("", DataPlane(registry), extension, 0)._register_endpoints(app)
    register_time_series_endpoints(app, TimeSeriesDataPlane(registry))
    found = {
        f"{method} {each.path.replace('{model_name}', NAME).replace('{model_version}', '1')}"
        for each in _routes(app.routes)
        for method in each.methods or ()
    }
    listed = (MLSERVER + OPENAI).strip().splitlines()
    return found | {" ".join(line.split()) for line in listed if line}


def _routes(of: Iterable[object]) -> Iterator[Route]:
    """The routes of an application, also those of the routers that it includes."""
    for each in of:
        if isinstance(each, Route):
            yield each
        elif isinstance(router := getattr(each, "original_router", None), APIRouter):
            yield from _routes(router.routes)


def test_the_list_of_what_servers_know_is_as_long_as_it_was() -> None:
    known = known_paths()
    assert "POST /v2/repository/models/sepsis/unload" in known
    assert "POST /v1/models/sepsis:predict" in known
    assert "GET /metrics" in known
    assert len(known) >= 45, "KServe's server says no more which paths it knows"


@pytest.mark.parametrize("protocol", ["v1", "v2"])
@pytest.mark.parametrize("features", list(Features))
def test_callers_get_the_models_own_paths_and_404_for_all_that_servers_know_beside(
    street: Street, protocol: str, features: Features
) -> None:
    street.lead(route(protocol=protocol, features=features))
    answers = {what: street.ask(what) for what in sorted(known_paths())}
    let_in = {what for what, answer in answers.items() if answer.passed}
    assert {answer.status for what, answer in answers.items() if what not in let_in} == {404}
    assert let_in - _heads(features, protocol) == OWN[protocol]
    asks = "POST /v2/models/sepsis/infer" if protocol == "v2" else "POST /v1/models/sepsis:predict"
    assert answers[asks].status == 200, answers[asks]


def _heads(features: Features, protocol: str) -> set[str]:
    """A Gateway that knows no methods leaves these to the server, on the model's own paths only."""
    paths = {what.split()[1] for what in OWN[protocol]} if features is Features.CORE else set()
    return {f"{method} {path}" for method in METHODS for path in paths} - OWN[protocol]


def test_only_the_method_of_a_path_is_let_in(street: Street) -> None:
    street.lead(route())
    paths = {what.split()[1] for what in OWN["v2"]}
    asked = {f"{method} {path}" for method in METHODS for path in paths}
    assert {what for what in asked if street.ask(what).passed} == OWN["v2"]


@pytest.mark.parametrize(
    ("path", "passes"),
    [
        ("/v2/models/sepsis/infer?trace=1", True),
        ("/v2/models/sepsis/infer/", False),
        ("/v2/models/SEPSIS/infer", False),
        ("/v2/models/sepsis2/infer", False),
        ("/v2/models/sepsis/infer;v=1", False),
    ],
)
def test_a_path_is_compared_as_a_whole_and_a_query_is_let_through(
    street: Street, path: str, passes: bool
) -> None:
    street.lead(route())
    assert street.ask(f"POST {path}").passed is passes


def test_kserves_server_says_no_version_itself(street: Street) -> None:
    """docs/calling.md tells so; once it says one, that page has to change."""
    street.lead(route())
    answer = json.loads(street.ask("POST /v2/models/sepsis/infer").body)
    assert answer["model_version"] is None
    assert not [option for option in vars(parser.parse_args([])) if "version" in option]


def test_the_model_is_unloaded_at_the_server_and_not_through_the_gateway(street: Street) -> None:
    street.lead(route())
    for what in (*TRICKS, "POST /v2/repository/models/sepsis/unload"):
        answer = street.ask(what)
        assert (answer.passed, answer.status in (307, 400, 404)) == (False, True), what
        assert street.ask("POST /v2/models/sepsis/infer").status == 200, what
    assert street.direct("sepsis-a", "POST", "/v2/repository/models/sepsis/unload").status == 200
    assert street.ask("POST /v2/models/sepsis/infer").status == 404
    street.serve("sepsis-a")


def test_everything_is_let_in_again_where_the_spec_asks_for_it(street: Street) -> None:
    street.lead(route(paths=[{"type": "PathPrefix", "value": "/"}]))
    assert street.ask("GET /metrics").status == 200
    assert street.ask("POST /v2/models/sepsis/infer").status == 200
    assert street.ask("POST /v2/repository/models/sepsis/unload").status == 200, "as documented"
    street.serve("sepsis-a")


def test_a_path_that_is_added_is_let_in_by_its_method_alone(street: Street) -> None:
    street.lead(route(paths=[{"value": "/v2/health/ready", "method": "GET"}]))
    assert street.ask("GET /v2/health/ready").status == 200
    assert street.ask("POST /v2/health/ready").status == 404
    assert street.ask("GET /v2/health/live").status == 404


def test_each_answer_says_which_revision_gave_it(street: Street) -> None:
    street.lead(route({"sepsis-a": 50, "sepsis-b": 50}))
    ended = Counter(street.ask("POST /v2/models/sepsis/infer").by for _ in range(60))
    assert set(ended) == {"sepsis 1.0.0 a", "sepsis 2.0.0 b"}
    street.direct("sepsis-b", "POST", "/v2/repository/models/sepsis/unload")
    answers = [street.ask("POST /v2/models/sepsis/infer") for _ in range(60)]
    assert {(answer.status, answer.by) for answer in answers} == {
        (200, "sepsis 1.0.0 a"),
        (404, "sepsis 2.0.0 b"),
    }, "an answer that is an error says so as well"
    street.serve("sepsis-b")


def test_a_caller_cannot_say_in_the_operators_place_who_answered(street: Street) -> None:
    street.lead(route())
    lies = {"mlhops-version": "9.9.9", "mlhops-revision": "x", "mlhops-model": "y"}
    assert street.ask("POST /v2/models/sepsis/infer", lies).by == "sepsis 1.0.0 a"


@pytest.mark.parametrize(
    ("weights", "features", "by"),
    [
        ({"sepsis-a": 50, "sepsis-b": 50}, Features.RULE, "sepsis - -"),
        ({"sepsis-a": 100}, Features.RULE, "sepsis 1.0.0 a"),
        ({"sepsis-a": 100}, Features.CORE, "- - -"),
    ],
)
def test_a_gateway_that_takes_less_says_less(
    street: Street, weights: Mapping[str, int], features: Features, by: str
) -> None:
    street.lead(route(weights, features=features))
    assert {street.ask("POST /v2/models/sepsis/infer").by for _ in range(20)} == {by}
