"""The control plane and the operator that are measured; an audit log counts requests."""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from lab.binaries import Programs
from lab.control import ControlPlane
from mlhops.controller.client import MODELS, Kind
from mlhops.kserve.read import text
from tests.cluster_api import Api, until
from tests.integration.hands import Hands

AUDITED = "audited-operator"
"""The user whose requests the API server records; what others do costs it nothing."""
ACCOUNTS = Kind("", "v1", "serviceaccounts")

_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "users": [AUDITED]}, {"level": "None"}],
}
_OPERATOR = "operator"


class Plane(ControlPlane):
    """A control plane whose API server keeps an audit log."""

    def __init__(self, root: Path, found: Programs) -> None:
        policy, self.audit_log = root / "audit-policy.json", root / "audit.log"
        flags = (f"--audit-policy-file={policy}", f"--audit-log-path={self.audit_log}")
        super().__init__(root, replace(found, apiserver=(*found.apiserver, *flags)))
        policy.write_text(json.dumps(_POLICY))

    @contextmanager
    def namespace(self) -> Iterator[Hands]:
        """A fresh namespace with a Gateway, and hands that play everybody but the operator."""
        name = f"bench-{secrets.token_hex(4)}"
        self.kubectl("create", "namespace", name)
        api = Api(self.kubeconfig)
        try:
            until("a service account for pods", lambda: api.get(ACCOUNTS, name, "default"))
            hands = Hands(api, name)
            hands.make_gateway()
            yield hands
        finally:
            self.kubectl("delete", "namespace", name, "--wait=false")
            api.close()

    @contextmanager
    def operator(
        self, namespace: str, user: str = "operator"
    ) -> Iterator["subprocess.Popen[bytes]"]:
        """The operator as users run it, in a process of its own."""
        kubeconfig = self.kubeconfig_for(user, ("system:masters",))
        yield self.processes.spawn(
            _OPERATOR,
            (sys.executable, "-m", "mlhops.controller", "--namespace", namespace),
            env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        )
        self.processes.check()
        self.processes.end(_OPERATOR)


def settle(hands: Hands, seconds: float = 0.5) -> None:
    """Wait until nobody has written anything, to any object, for so long."""
    version, since = "", time.monotonic()
    while time.monotonic() - since < seconds:
        answer = hands.api.http.get(MODELS.path(hands.namespace)).raise_for_status().json()
        latest = text(answer, "metadata", "resourceVersion")
        if latest != version:
            version, since = latest, time.monotonic()
        time.sleep(0.05)
