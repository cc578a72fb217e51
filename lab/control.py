"""A Kubernetes control plane on loopback: real etcd, API server and controller manager."""

import base64
import hashlib
import http.client
import json
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.binaries import Programs, gateway_api_crds, kserve_crds, kubectl, programs
from lab.certificates import Authority, KeyPair, write_signing_keys
from lab.processes import Processes, ProcessFailed

__all__ = ["ControlPlane", "gateway_api_crds", "kserve_crds"]

HOST = "127.0.0.1"
SERVICE_RANGE = "10.0.0.0/16"
ISSUER = "https://kubernetes.default.svc"
API_NAMES = (
    HOST,
    "10.0.0.1",
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)
# EndpointSlices refuse loopback addresses, so that controller would only log errors.
CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "cronjob-controller",
    "deployment-controller",
    "garbage-collector-controller",
    "job-controller",
    "namespace-controller",
    "persistentvolumeclaim-protection-controller",
    "replicaset-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "ttl-after-finished-controller",
    "validatingadmissionpolicy-status-controller",
)
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
}
ATTEMPTS = 3
START_TIMEOUT = 300.0
ESTABLISH_TIMEOUT = 120.0
PORT_TAKEN = "address already in use"


class ControlPlane:
    """A running control plane. Everything it has is below `root` and goes with it."""

    audited: Sequence[str] = ()
    """Users whose requests the API server records; what others do costs it nothing."""

    def __init__(self, root: Path, found: Programs) -> None:
        self.root = root
        self.audit_log = root / "audit.log"
        self.processes = Processes(root)
        self._programs = found
        self._port, self._etcd_port, self._peer_port = free_ports(3)
        self.url = f"https://{HOST}:{self._port}"
        certificates = root / "certificates"
        self._authority = Authority(certificates, "cluster")
        # An authority of its own: who may call the API must not be able to open the database.
        store = Authority(certificates / "etcd", "etcd-authority")
        self._store_authority = store.certificate
        self._store = store.peer("etcd", (HOST, "localhost"))
        self._serving = self._authority.server("kube-apiserver", API_NAMES)
        self._signing_key = certificates / "service-accounts.key"
        self._verifying_key = certificates / "service-accounts.pub"
        write_signing_keys(self._signing_key, self._verifying_key)
        self.kubeconfig = self.kubeconfig_for("lab-admin", ("system:masters",))

    @classmethod
    def start(
        cls,
        *,
        controllers: bool = True,
        install: Sequence[Path] = (),
        root: Path | None = None,
        audited: Sequence[str] = (),
    ) -> Self:
        """Start and wait until it is ready; `install` names YAML files or folders to have in place.

        What is installed here is known to the garbage collector from the beginning. Requests of the users
        that `audited` names are recorded in `audit_log`.
        """
        found = programs()
        for attempt in range(ATTEMPTS):
            with ExitStack() as undo:
                folder = root or Path(tempfile.mkdtemp(prefix="mlhops-"))
                plane = cls(folder, found)
                plane.audited = audited or plane.audited
                undo.callback(plane.stop)
                try:
                    plane._start(controllers=controllers, install=install)
                except ProcessFailed as error:
                    # Between choosing a port and using it, somebody else may have taken it.
                    if PORT_TAKEN not in str(error) or attempt == ATTEMPTS - 1:
                        raise
                    continue
                undo.pop_all()
                return plane
        raise AssertionError("unreachable: the last attempt returns or raises")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End all of it at once: the data is thrown away, so there is nothing to flush."""
        self.processes.stop(grace=0)

    def kubeconfig_for(self, user: str, groups: Sequence[str] = ()) -> Path:
        """A kubeconfig whose client certificate names this user and these groups."""
        identity = hashlib.sha256("\0".join((user, *groups)).encode()).hexdigest()[:8]
        stem = f"{re.sub(r'[^A-Za-z0-9.-]+', '-', user)}-{identity}"
        path = self.root / "kubeconfigs" / f"{stem}.yaml"
        if not path.exists():
            path.parent.mkdir(exist_ok=True, mode=0o700)
            client = self._authority.client(user, groups, file=stem)
            path.touch(mode=0o600)
            path.write_text(self._kubeconfig(client))
        return path

    def install(self, *paths: Path) -> None:
        """Apply YAML files or folders of them and wait until their CRDs are served."""
        self._apply(paths)
        if self.processes.runs("kube-controller-manager"):
            # The garbage collector looks for new kinds every 30 s; a restart takes one.
            self.processes.end("kube-controller-manager", grace=0)
            self._start_controllers()

    def kill_apiserver(self) -> None:
        """SIGKILL, as when the machine below it goes away."""
        self.processes.end("kube-apiserver", grace=0)

    def restart_apiserver(self) -> None:
        """Start it again at the same address, on the same data, and wait until it is ready."""
        self.processes.end("kube-apiserver", grace=0)
        self._start_apiserver()
        self._wait_until_ready()

    def snapshot(self, name: str) -> Path:
        """Copy etcd's data as they are at one moment, while everything else goes on."""
        to = self.root / "snapshots" / name
        with self.processes.standing_still("etcd"):
            shutil.copytree(self.root / "etcd", to)
        return to

    def restore(self, snapshot: Path, away: Callable[[], None] = lambda: None) -> None:
        """Put an earlier state in the place of the present one, as from a backup, and wait until it is served.

        `away` is called while nobody can ask anything.
        """
        controllers = self.processes.runs("kube-controller-manager")
        for name in ("kube-controller-manager", "kube-apiserver", "etcd"):
            self.processes.end(name, grace=0)
        away()
        shutil.rmtree(self.root / "etcd")
        shutil.copytree(snapshot, self.root / "etcd")
        self._start_etcd()
        self._start_apiserver()
        self._wait_until_ready()
        if controllers:
            self._start_controllers()

    def kubectl(self, *arguments: str | Path) -> str:
        """Run kubectl as the cluster's administrator and return what it prints."""
        command = [kubectl(), "--kubeconfig", self.kubeconfig, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"kubectl {' '.join(map(str, arguments))}: {done.stderr.strip()}")
        return done.stdout

    def _start(self, *, controllers: bool, install: Sequence[Path]) -> None:
        self._start_etcd()
        self._start_apiserver()
        self._wait_until_ready()
        if install:
            self._apply(install)
        if controllers:
            self._start_controllers()
            account = "/api/v1/namespaces/default/serviceaccounts/default"
            self.processes.wait_until(
                lambda: self._get(account)[0] == 200,
                "the default service account, without which no pod is admitted,",
                START_TIMEOUT,
            )

    def _start_etcd(self) -> None:
        client = f"https://{HOST}:{self._etcd_port}"
        peer = f"https://{HOST}:{self._peer_port}"
        authority = self._store_authority
        self.processes.spawn(
            "etcd",
            (
                *self._programs.etcd,
                "--name=lab",
                f"--data-dir={self.root / 'etcd'}",
                "--unsafe-no-fsync",  # it does not outlive the machine anyway
                "--log-level=warn",
                f"--listen-client-urls={client}",
                f"--advertise-client-urls={client}",
                f"--listen-peer-urls={peer}",
                f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=lab={peer}",
                "--client-cert-auth",
                f"--trusted-ca-file={authority}",
                f"--cert-file={self._store.certificate}",
                f"--key-file={self._store.key}",
                "--peer-client-cert-auth",
                f"--peer-trusted-ca-file={authority}",
                f"--peer-cert-file={self._store.certificate}",
                f"--peer-key-file={self._store.key}",
            ),
        )

    def _start_apiserver(self) -> None:
        self.processes.spawn(
            "kube-apiserver",
            (
                *self._programs.apiserver,
                f"--bind-address={HOST}",
                f"--advertise-address={HOST}",
                f"--secure-port={self._port}",
                "--endpoint-reconciler-type=none",  # endpoints refuse loopback addresses
                f"--cert-dir={self.root / 'certificates'}",
                f"--tls-cert-file={self._serving.certificate}",
                f"--tls-private-key-file={self._serving.key}",
                f"--client-ca-file={self._authority.certificate}",
                f"--etcd-servers=https://{HOST}:{self._etcd_port}",
                f"--etcd-cafile={self._store_authority}",
                f"--etcd-certfile={self._store.certificate}",
                f"--etcd-keyfile={self._store.key}",
                "--authorization-mode=RBAC",
                "--allow-privileged",
                f"--service-cluster-ip-range={SERVICE_RANGE}",
                f"--service-account-issuer={ISSUER}",
                f"--service-account-key-file={self._verifying_key}",
                f"--service-account-signing-key-file={self._signing_key}",
                "--profiling=false",
                *self._audit(),
            ),
        )

    def _audit(self) -> tuple[str, ...]:
        """The API server's flags for its audit log."""
        if not self.audited:
            return ()
        rules = [{"level": "Metadata", "users": list(self.audited)}, {"level": "None"}]
        policy = self.root / "audit-policy.json"
        policy.write_text(json.dumps({**AUDIT_POLICY, "rules": rules}))
        return (
            f"--audit-policy-file={policy}",
            f"--audit-log-path={self.audit_log}",
            "--audit-log-maxsize=100000",  # one file, however long: it is read as it grows
        )

    def _start_controllers(self) -> None:
        identity = self.kubeconfig_for("system:kube-controller-manager", ("system:masters",))
        self.processes.spawn(
            "kube-controller-manager",
            (
                *self._programs.controllers,
                f"--kubeconfig={identity}",
                f"--controllers={','.join(CONTROLLERS)}",
                "--leader-elect=false",
                "--use-service-account-credentials=false",
                f"--service-account-private-key-file={self._signing_key}",
                f"--root-ca-file={self._authority.certificate}",
                "--secure-port=0",
                f"--cert-dir={self.root / 'certificates'}",
                "--kube-api-qps=1000",
                "--kube-api-burst=2000",
                "--profiling=false",
            ),
        )

    def _apply(self, paths: Sequence[Path]) -> None:
        files = [argument for path in paths for argument in ("--filename", path)]
        # The API server itself validates; what kubectl would ask first is the whole OpenAPI, made anew for each CRD.
        self.kubectl("apply", "--server-side", "--force-conflicts", "--validate=ignore", *files)
        self.processes.wait_until(
            self._established, "the CRDs to be established", ESTABLISH_TIMEOUT
        )

    def _established(self) -> bool:
        """Whether every CRD is served. `kubectl wait` gives up on one that has no conditions yet."""
        _, body = self._get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
        found = json.loads(body or b"{}").get("items", [{}])
        conditions = [crd.get("status", {}).get("conditions") or () for crd in found]
        return all(
            any(c["type"] == "Established" and c["status"] == "True" for c in of)
            for of in conditions
        )

    def _wait_until_ready(self) -> None:
        self.processes.wait_until(
            lambda: self._get("/readyz")[0] == 200, "the API server's readiness", START_TIMEOUT
        )

    def _get(self, path: str) -> tuple[int, bytes]:
        """Status and body of a GET as the administrator; 0 while nobody answers."""
        admin = self._authority.folder / f"{self.kubeconfig.stem}"
        context = ssl.create_default_context(cafile=self._authority.certificate)
        context.load_cert_chain(f"{admin}.crt", f"{admin}.key")
        connection = http.client.HTTPSConnection(HOST, self._port, timeout=5, context=context)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()

    def _kubeconfig(self, client: KeyPair) -> str:
        """JSON, which is YAML, with the certificates inside, so that the file can be moved."""
        cluster = {
            "server": self.url,
            "certificate-authority-data": _base64(self._authority.certificate),
        }
        user = {
            "client-certificate-data": _base64(client.certificate),
            "client-key-data": _base64(client.key),
        }
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "lab", "cluster": cluster}],
                "users": [{"name": "lab", "user": user}],
                "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
                "current-context": "lab",
            },
            indent=1,
        )


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on, all different."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((HOST, 0))
        return [int(one.getsockname()[1]) for one in sockets]


def free_everywhere() -> int:
    """A port that nobody listens at on any of this machine's addresses."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
