"""The page for a model of one's own works as it stands: its Python, and its manifest."""

import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import cast

import yaml

from mlhops.api.base import Manifest
from mlhops.controller.resources import MODELS
from mlhops.json_access import at, text
from testkit.api import until
from testkit.ward import Ward

PAGE = Path(__file__).resolve().parents[2] / "docs" / "first-model.md"
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def block(language: str) -> str:
    """The only block of a language on the page."""
    [found] = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return cast(str, found)


def test_the_model_of_the_page_serves_what_its_code_has_trained(ward: Ward) -> None:
    environment = {"LAB": str(ward.data.parent)}
    subprocess.run([sys.executable, "-c", block("python")], env=environment, check=True)
    manifest = cast(Manifest, yaml.safe_load(block("yaml")))
    cast(Manifest, manifest["metadata"])["namespace"] = ward.namespace
    ward.cluster.apply(manifest)

    def phase() -> bool:
        live = ward.api.get(MODELS, ward.namespace, "my-model")
        assert text(live, "status", "phase") != "Degraded", at(live, "status")
        return text(live, "status", "phase") == "Healthy"

    until("a model that serves", phase, 90)
    [asked] = re.findall(r"-d '(.*)'", PAGE.read_text())
    request = urllib.request.Request(
        f"http://{ward.cluster.gateway_address(ward.namespace, 'clinical')}/v2/models/my-model/infer",
        data=asked.encode(),
        headers={"Host": "my-model.models.example", "Content-Type": "application/json"},
    )
    with _DIRECT.open(request) as answer:
        survives, dies = json.load(answer)["outputs"][0]["data"]
    assert 0 < dies < survives < 1
    assert abs(dies + survives - 1) < 1e-6
