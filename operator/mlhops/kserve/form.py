"""What the operator adds to a model server by itself.

It differs from one operator to the next, and a revision keeps what it began with: any other would restart it.
"""

from dataclasses import dataclass, replace

from mlhops.api.base import Manifest
from mlhops.api.predictor import Predictor
from mlhops.json_access import at, text
from mlhops.kserve.probes import is_probed
from mlhops.kserve.runtime import Naming, Runtime, named_by


@dataclass(frozen=True)
class Form:
    """What is added for a revision."""

    probed: bool = False
    """Whether kubelet and detector ask the model itself."""
    confined: bool = False
    """Whether pods have the system calls of the container runtime's profile alone, as PodSecurity `restricted` asks."""
    runtime: str | None = None
    """The runtime that was chosen, None where the spec names one, or where KServe chose."""
    naming: Naming | None = None
    """How the server is told the model's name, None where the name of its runtime says so."""


EARLIER = Form()
NEWEST = Form(probed=True, confined=True)


def form_of_live(live: Manifest | None, predictor: Predictor, runtime: Runtime) -> Form:
    """Return the form of a revision whose record is lost: that of its server, or the newest where there is none."""
    if live is None:
        return replace(NEWEST, runtime=runtime.name, naming=runtime.naming)
    profile = at(live, "spec", "predictor", "securityContext", "seccompProfile")
    named = text(live, "spec", "predictor", "model", "runtime")
    return Form(
        probed=is_probed(live),
        confined=profile is not None,
        runtime=named if named and predictor.runtime is None else None,
        naming=named_by(live),
    )
