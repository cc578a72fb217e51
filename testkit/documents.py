"""Examples in the documentation, as manifests."""

import re
from pathlib import Path
from typing import cast

import yaml

from mlhops.api.base import Json, Manifest
from testkit.builders import clinical_model

ROOT = Path(__file__).resolve().parents[1]


def documented(page: str) -> dict[str, Manifest]:
    """A ClinicalModel for each YAML block of a page that begins with a field of its spec."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    found: dict[str, Manifest] = {}
    for number, block in enumerate(blocks, 1):
        fields = cast(Manifest, yaml.safe_load(block))
        if "evaluation" in fields:
            changes: dict[str, Json] = {
                f"spec.{part}.{name}": value
                for part in ("interface", "evaluation")
                for name, value in cast(Manifest, fields.get(part, {})).items()
            }
            found[f"{page} block {number}"] = clinical_model(changes)
    return found


def documented_objects(page: str) -> dict[str, Manifest]:
    """Each YAML block of a page that is an object of ours, without its namespace."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    found: dict[str, Manifest] = {}
    for number, block in enumerate(blocks, 1):
        manifest = cast(Manifest, yaml.safe_load(block))
        if "kind" in manifest:
            metadata = cast(Manifest, manifest["metadata"])
            metadata.pop("namespace", None)
            if metadata.pop("generateName", None):
                metadata["name"] = "example"
            found[f"{page} block {number}"] = manifest
    return found
