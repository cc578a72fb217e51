"""KServe's controller and webhooks as a process beside a control plane, installed as KServe says.

The webhook server has no flag for its address: it listens on all of this machine's, at a port that was free, and
answers whoever reaches it there. Health is asked for on loopback, and metrics are off.
"""

import base64
import copy
import http.client
import json
import os
from pathlib import Path

from lab.certificates import Authority, KeyPair
from lab.client import Object
from lab.control import HOST, PORT_TAKEN, ControlPlane, free_everywhere, free_ports
from lab.kserve_upstream.release import Release, manager
from lab.processes import ProcessFailed

NAME = "kserve"
NAMESPACE = "kserve"
ACCOUNT = f"system:serviceaccount:{NAMESPACE}:kserve-controller-manager"
CONFIGURATION = "inferenceservice-config"
# What is in place before the controller starts, and what only its webhooks let in. The rest is its Deployment, its
# Services and what cert-manager makes of a Certificate: here a process, an address, and the lab's own authority.
BEFORE = frozenset(
    {
        *("Namespace", "ServiceAccount", "ConfigMap"),
        *("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"),
    }
)
WEBHOOKS = frozenset({"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"})
AFTER = frozenset({"ClusterStorageContainer"})
CERTIFICATES = Path("k8s-webhook-server", "serving-certs")
ATTEMPTS = 3
SECONDS = 120.0


class KServe:
    """The controller, which can be killed and started again at the same address."""

    def __init__(self, control: ControlPlane, release: Release, folder: Path) -> None:
        self._control = control
        self._release = release
        self._folder = folder
        self._folder.mkdir(mode=0o700)
        self._authority = Authority(folder / "certificates", "kserve-webhooks")
        self._place(self._authority.server("kserve-webhook-server", (HOST,)))
        self._kubeconfig = control.kubeconfig_for(ACCOUNT)
        self._port = self._health = 0

    def install(self) -> None:
        """Install what it needs, start it, and let the API server ask its webhooks."""
        objects = self._release.objects()
        self._apply([configured(one) for one in objects if one["kind"] in BEFORE])
        self._start_somewhere()
        authority = self._authority.certificate
        self._apply(
            [at_url(one, self._port, authority) for one in objects if one["kind"] in WEBHOOKS]
        )
        runtimes = self._release.runtimes()
        self._apply([*(one for one in objects if one["kind"] in AFTER), *runtimes])

    def start(self) -> None:
        """Start it where it was, and wait until its webhooks answer."""
        self._spawn()
        self._control.processes.wait_until(self._ready, "KServe's readiness", SECONDS)

    def kill(self) -> None:
        """SIGKILL; its webhooks are gone with it."""
        self._control.processes.end(NAME, grace=0)

    def _start_somewhere(self) -> None:
        for attempt in range(ATTEMPTS):
            self._port, (self._health,) = free_everywhere(), free_ports(1)
            try:
                return self.start()
            except ProcessFailed as error:
                # Between choosing a port and using it, somebody else may have taken it.
                if PORT_TAKEN not in str(error) or attempt == ATTEMPTS - 1:
                    raise
                self._control.processes.end(NAME, grace=0)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _spawn(self) -> None:
        environment = {
            **os.environ,
            "KUBECONFIG": str(self._kubeconfig),
            "POD_NAMESPACE": NAMESPACE,
            "TMPDIR": str(self._folder),  # below it the webhook server looks for its certificate
        }
        self._control.processes.spawn(
            NAME,
            (
                manager(),
                "--metrics-addr=0",
                f"--health-probe-addr={HOST}:{self._health}",
                f"--webhook-port={self._port}",
            ),
            env=environment,
        )

    def _ready(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self._health, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _place(self, pair: KeyPair) -> None:
        folder = self._folder / CERTIFICATES
        folder.mkdir(parents=True)
        pair.certificate.rename(folder / "tls.crt")
        pair.key.rename(folder / "tls.key")

    def _apply(self, objects: list[Object]) -> None:
        file = self._folder / "objects.json"
        file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
        unasked = "--validate=ignore"  # else kubectl reads the OpenAPI of all kinds first
        self._control.kubectl(
            "apply", "--server-side", "--force-conflicts", unasked, "--filename", file
        )


def configured(installed: Object) -> Object:
    """KServe's configuration as shipped, but for Istio, without which a VirtualService cannot be made."""
    if installed["metadata"]["name"] != CONFIGURATION:
        return installed
    changed = copy.deepcopy(installed)
    ingress = json.loads(changed["data"]["ingress"])
    changed["data"]["ingress"] = json.dumps({**ingress, "disableIstioVirtualHost": True})
    return changed


def at_url(configuration: Object, port: int, authority: Path) -> Object:
    """A webhook configuration that names an address where the shipped one names a Service."""
    changed = copy.deepcopy(configuration)
    bundle = base64.b64encode(authority.read_bytes()).decode()
    for hook in changed["webhooks"]:
        path = hook["clientConfig"]["service"]["path"]
        hook["clientConfig"] = {"url": f"https://{HOST}:{port}{path}", "caBundle": bundle}
    return changed
