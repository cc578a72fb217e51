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
    return (
        RecordView(
            "card",
            "what people must know before they rely on it; --revision has that of an earlier version",
            f"{PROGRAM} card {of} -o html -f card.html",
        ),
        RecordView(
            "report",
            "where the report of its Evaluation lies, and whether a copy is that report",
            f"{PROGRAM} report {of}",
        ),
        RecordView("timeline", "who did what when", f"{PROGRAM} audit timeline {of}"),
        RecordView(
            "audit bundle",
            "all that is on record, signed by you, for a check without the cluster",
            f"{PROGRAM} audit export {of} --to {name}.tar.gz --sign-key KEY.pem",
        ),
        RecordView("history", "how its rollouts ended, and who decided", f"{PROGRAM} history {of}"),
        RecordView(
            "manifest", "what is asked for, as it stands", f"kubectl get clinicalmodel {of} -o yaml"
        ),
    )
