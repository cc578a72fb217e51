"""Where the card and the audit of a model are: the commands that write them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlhops.cli.views.commands import PROGRAM
from mlhops.json_access import text

if TYPE_CHECKING:
    from mlhops.api.base import Manifest


@dataclass(frozen=True)
class RecordView:
    """Something that is written of a model."""

    name: str
    about: str
    command: str
    """What writes it."""


def records(model: Manifest) -> tuple[RecordView, ...]:
    """Return what can be written of a model."""
    namespace, name = text(model, "metadata", "namespace"), text(model, "metadata", "name")
    of = f"{name} -n {namespace}"
    formats = "html, md, chai, cyclonedx, hti1, fhir or json"
    return (
        RecordView(
            "Model card",
            f"What was asked, measured and derived of what serves, as {formats}",
            f"{PROGRAM} card {of} -o html -f {name}.html",
        ),
        RecordView(
            "Timeline",
            "Who did what when, the oldest first",
            f"{PROGRAM} audit timeline {of} -o csv",
        ),
        RecordView(
            "Audit",
            "All that is on record, signed by who exports it, to be checked without a cluster",
            f"{PROGRAM} audit export {of} --to {name}.tar.gz --sign-key KEY.pem",
        ),
        RecordView(
            "Manifest", "What is asked for as it stands", f"kubectl get clinicalmodel {of} -o yaml"
        ),
    )
