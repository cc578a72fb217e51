"""What end-to-end tests do and look at: a namespace as a platform engineer sees it."""

import copy
import json
import secrets
import shutil
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pandas as pd
import yaml

from lab.cluster import Cluster
from lab.demo.train import Data
from mlhops.api.base import Json, Manifest
from mlhops.api.model import ClinicalModel
from mlhops.api.summary import DetectorReport
from mlhops.controller.resources import DECISIONS, MODELS, PODS
from mlhops.json_access import text
from mlhops.kserve.detector import REPORT_PORT
from testkit.api import Api, live_services, route_weights, until
from testkit.builders import decision, with_path

DEMO = Path(__file__).resolve().parents[1] / "lab" / "demo"
MODEL = "mortality"
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
HOST = "mortality.models.example"


ADMINISTRATOR = "lab-admin"
"""Who the tests are to the API server, which lets nobody decide in another's name."""


class Ward:
    """One namespace with one model."""

    def __init__(self, cluster: Cluster, api: Api, namespace: str) -> None:
        self.cluster = cluster
        self.api = api
        self.namespace = namespace

    @property
    def data(self) -> Path:
        """The folder behind the claim `data`."""
        return self.cluster.volumes / self.namespace / "data"

    @property
    def models(self) -> Path:
        """The folder behind the claim `models`."""
        return self.cluster.volumes / self.namespace / "models"

    def prepare(self, held_out: pd.DataFrame, models: Path) -> None:
        """Create the namespace, its Gateway and its volumes."""
        text_ = (DEMO / "cluster.yaml").read_text()
        objects = [cast(Manifest, item) for item in yaml.safe_load_all(text_)]
        for item in objects:
            metadata = cast(Manifest, item["metadata"])
            if metadata.get("namespace"):
                metadata["namespace"] = self.namespace
            elif item["kind"] == "Namespace":
                metadata["name"] = self.namespace
        self.cluster.apply(*objects)
        # The lab makes a folder for each claim, sooner or later than this.
        shutil.copytree(models, self.models, dirs_exist_ok=True)
        self.data.mkdir(parents=True, exist_ok=True)
        held_out.to_parquet(self.data / "held-out.parquet", index=False)

    def apply(self, version: str, **changes: Json) -> None:
        """Apply the demo's model in a version; changes are by path, with `__` for the dots."""
        text_ = (DEMO / "model.yaml").read_text().replace("1.0.0", version)
        manifest = cast(Manifest, yaml.safe_load(text_))
        cast(Manifest, manifest["metadata"])["namespace"] = self.namespace
        manifest = with_path(manifest, "spec.rollout.steps", [{"setWeight": 10}, {"setWeight": 50}])
        # Most tests send no requests: nothing is asked of them.
        manifest = with_path(manifest, "spec.rollout.evidence", {"minRequests": 0})
        for path, value in changes.items():
            manifest = with_path(manifest, f"spec.{path.replace('__', '.')}", copy.deepcopy(value))
        self.cluster.apply(manifest)

    def decide(self, action: str, **spec: Json) -> None:
        """Create a Decision on the present candidate."""
        candidate = self.model().status.candidate
        assert candidate is not None
        manifest = decision(
            name=f"{action.lower()}-{len(self.api.list(DECISIONS, self.namespace))}"
        )
        cast(Manifest, manifest["spec"]).update(
            {
                "model": MODEL,
                "revision": candidate.revision,
                "action": action,
                "decidedBy": ADMINISTRATOR,
                **spec,
            }
        )
        self.api.create(DECISIONS, self.namespace, manifest)

    def model(self) -> ClinicalModel:
        """The model as it is now."""
        return ClinicalModel.model_validate(self.api.get(MODELS, self.namespace, MODEL))

    def wait(self, phase: str, seconds: float = 60, *, version: str | None = None) -> ClinicalModel:
        """Wait for a phase, and for a version to be stable where one is named."""

        def look() -> ClinicalModel | None:
            model = self.model()
            stable = model.status.stable.version if model.status.stable else None
            fresh = model.status.observed_generation == model.metadata.generation
            if model.status.phase == phase and fresh and (version is None or stable == version):
                return model
            return None

        try:
            return until(f"phase {phase} {version or ''}", look, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; status: {self.model().status.to_json()}") from error

    def wait_for_message(self, words: str, seconds: float = 30) -> ClinicalModel:
        """Wait until the status says something."""

        def look() -> ClinicalModel | None:
            model = self.model()
            return model if words in model.status.message else None

        try:
            return until(f"message {words!r}", look, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; status: {self.model().status.message}") from error

    def ask(self, *rows: list[float]) -> list[float]:
        """Ask the model through the Gateway, about one person where none is given."""
        address = self.cluster.gateway_address(self.namespace, "clinical")
        people = rows or ([70.0, 1.0, 1.2, 1.5, 1.0, 0.0],)
        data = [value for row in people for value in row]
        shape = [len(people), 6]
        tensor = {"name": "input", "shape": shape, "datatype": "FP64", "data": data}
        request = urllib.request.Request(
            f"http://{address}/v2/models/{MODEL}/infer",
            data=json.dumps({"inputs": [tensor]}).encode(),
            headers={"Host": HOST, "Content-Type": "application/json"},
        )
        with _DIRECT.open(request) as answer:
            outputs: list[float] = json.load(answer)["outputs"][0]["data"]
            return outputs

    def pods(self, revision: str) -> list[Manifest]:
        """The pods that serve a revision."""
        return [
            pod
            for pod in self.api.list(PODS, self.namespace)
            if text(pod, "metadata", "labels", "mlhops.io/revision") == revision
            and text(pod, "metadata", "labels", "component") == "predictor"
        ]

    def pod(self, revision: str) -> Manifest:
        """The only pod of a revision."""
        [pod] = self.pods(revision)
        return pod

    def page(self, revision: str, path: str) -> str:
        """What the detector in a revision's only pod answers."""
        return _page(self.pod(revision), path)

    def report(self, revision: str) -> DetectorReport:
        """What the detector in a revision's only pod has counted."""
        return DetectorReport.model_validate_json(self.page(revision, "/report"))

    def reports(self, revision: str) -> list[DetectorReport]:
        """What the detectors in a revision's pods have counted."""
        pages = [_page(pod, "/report") for pod in self.pods(revision)]
        return [DetectorReport.model_validate_json(page) for page in pages]

    def weights(self) -> dict[str, int]:
        """The route's weights by backend."""
        return route_weights(self.api, self.namespace, MODEL)

    def services(self) -> list[str]:
        """InferenceServices that are not on their way out."""
        return live_services(self.api, self.namespace)

    def serve(self, version: str = "1.0.0", **changes: Json) -> ClinicalModel:
        """Bring a first version into service."""
        self.apply(version, **changes)
        return self.wait("Healthy", version=version)


@contextmanager
def ward_in(cluster: Cluster, api: Api, people: Data, models: Path) -> Iterator[Ward]:
    """A new namespace with a Gateway, the demo's models and its held-out data."""
    ward = Ward(cluster, api, f"ward-{secrets.token_hex(3)}")
    ward.prepare(people.held_out, models)
    yield ward
    print((cluster.root / "operator.log").read_text()[-6000:])
    cluster.kubectl("delete", "namespace", ward.namespace, "--wait=false")


def _page(pod: Manifest, path: str) -> str:
    address = text(pod, "status", "podIP")
    with _DIRECT.open(f"http://{address}:{REPORT_PORT}{path}") as answer:
        page: str = answer.read().decode()
        return page
