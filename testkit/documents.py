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
    """Each object in a YAML block of a page, without its namespace; a block may have several."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    found: dict[str, Manifest] = {}
    for number, block in enumerate(blocks, 1):
        for index, manifest in enumerate(cast("list[Manifest]", list(yaml.safe_load_all(block)))):
            if "kind" not in manifest:
                continue
            metadata = cast(Manifest, manifest["metadata"])
            metadata.pop("namespace", None)
            if metadata.pop("generateName", None):
                metadata["name"] = "example"
            found[f"{page} block {number}{f', {index + 1}' if index else ''}"] = manifest
    return found


def examples(folder: str) -> dict[str, Manifest]:
    """Each file of a folder that is an object of ours."""
    found = {path.name: yaml.safe_load(path.read_text()) for path in (ROOT / folder).glob("*.yaml")}
    return {
        f"{folder}/{name}": manifest
        for name, manifest in sorted(found.items())
        if str(manifest["apiVersion"]).startswith("mlhops.io/")
    }
