"""The way to the cluster: `kubectl`, with the login, proxies and plug-ins that it has already."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from mlhops.api import API_VERSION, GROUP
from mlhops.cli.exits import Trouble
from mlhops.cli.refusals import ApiRequest, explained
from mlhops.json_access import at, items, text

if TYPE_CHECKING:
    from mlhops.api.base import Json, Manifest

MODELS = f"clinicalmodels.{GROUP}"
EVALUATIONS = f"evaluations.{GROUP}"
DECISIONS = f"decisions.{GROUP}"
POLICIES = f"monitoringpolicies.{GROUP}"
REVISIONS = "controllerrevisions.apps"
EVENTS = "events"
_PAGE = 500


@dataclass(frozen=True)
class Connection:
    """Which cluster is asked, as whom, and where in it; what is left out is as kubectl has it."""

    namespace: str = ""
    context: str = ""
    kubeconfig: str = ""
    impersonate: str = ""
    impersonate_groups: tuple[str, ...] = ()
    request_timeout: str = ""

    @property
    def flags(self) -> list[str]:
        """The flags of kubectl for it."""
        given = {
            "--namespace": self.namespace,
            "--context": self.context,
            "--kubeconfig": self.kubeconfig,
            "--as": self.impersonate,
            "--request-timeout": self.request_timeout,
        }
        flags = [f"{flag}={value}" for flag, value in given.items() if value]
        return flags + [f"--as-group={group}" for group in self.impersonate_groups]


@dataclass(frozen=True)
class WatchEvent:
    """A change of an object."""

    type: str
    """ADDED, MODIFIED or DELETED."""
    object: Manifest


class Kubectl:
    """Questions to the API server, each a run of kubectl."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._watching: set[subprocess.Popen[str]] = set()

    def get(self, kind: str, name: str) -> Manifest:
        """Return an object."""
        return self._object("get", kind, name, "--output=json", asked=ApiRequest("get", kind, name))

    def list_of(self, kind: str, *, fields: str = "", labels: str = "") -> list[Manifest]:
        """Return the objects of a namespace, those that have these fields and labels."""
        chosen = [f"--field-selector={fields}"] if fields else []
        chosen += [f"--selector={labels}"] if labels else []
        found = self._object("get", kind, *chosen, "--output=json", asked=ApiRequest("list", kind))
        return items(found, "items")

    def everywhere(self, kind: str, *, labels: str = "") -> list[Manifest]:
        """Return the objects of all namespaces, page by page, as the API server writes them."""
        plural = kind.removesuffix(f".{GROUP}")
        path = f"/apis/{API_VERSION}/{plural}?limit={_PAGE}"
        path += f"&labelSelector={quote(labels)}" if labels else ""
        found: list[Manifest] = []
        following = ""
        while True:
            asked = ApiRequest("list", kind)
            page = self._object("get", "--raw", path + following, asked=asked)
            found += items(page, "items")
            token = text(page, "metadata", "continue")
            if not token:
                return found
            following = f"&continue={quote(token)}"

    def create(self, kind: str, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        """Create an object, and return it as the API server has it; with `dry_run` only have it looked at."""
        trial = ["--dry-run=server"] if dry_run else []
        return self._object(
            "create",
            *trial,
            "--filename=-",
            "--output=json",
            asked=ApiRequest("create", kind),
            given=json.dumps(manifest),
        )

    def whoami(self) -> str:
        """Return who the API server says that is asking."""
        found = self._object("auth", "whoami", "--output=json", asked=ApiRequest("get", "whoami"))
        return text(found, "status", "userInfo", "username")

    def may(self, verb: str, kind: str) -> bool:
        """Return whether the caller may do that."""
        command = self.command("auth", "can-i", verb, kind, "--quiet")
        return _run(command, "").returncode == 0

    def raw(self, path: str) -> Manifest:
        """Return what the API server answers at a path."""
        return self._object("get", "--raw", path, asked=ApiRequest("get", path))

    def namespace(self) -> str:
        """Return the namespace that is meant."""
        if self.connection.namespace:
            return self.connection.namespace
        command = self.command("config", "view", "--minify", "--output=jsonpath={..namespace}")
        return _run(command, "").stdout.strip() or "default"

    @contextmanager
    def watch(
        self, kind: str, name: str, *, seconds: float | None = None
    ) -> Iterator[Iterator[WatchEvent]]:
        """Follow the changes of an object; the first one is as it is, and with `seconds` they end after that time.

        It is asked for by a field, as a list: of one that is asked for by its name, kubectl swallows what changes
        between its two requests.
        """
        chosen = f"--field-selector=metadata.name={name}"
        command = self.command(
            "get", kind, chosen, "--watch", "--output-watch-events", "--output=json"
        )
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self._watching.add(process)
        over = threading.Event()
        end = threading.Timer(seconds or 0.0, _end, (process, over))
        if seconds is not None:
            end.start()
        try:
            yield self._events(process, over, ApiRequest("watch", kind, name))
        finally:
            end.cancel()
            self._watching.discard(process)
            process.terminate()
            process.wait()
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()

    def stop_watching(self) -> None:
        """End the watches of all threads."""
        for process in list(self._watching):
            process.terminate()

    def command(self, *arguments: str) -> Sequence[str]:
        """Return a command of kubectl, with the flags of the connection."""
        program = shutil.which("kubectl")
        if program is None:
            raise Trouble(
                "kubectl is not on the PATH",
                "install kubectl: this plug-in asks the cluster through it, with its login",
            )
        return [program, *arguments, *self.connection.flags]

    def _events(
        self, process: subprocess.Popen[str], over: threading.Event, asked: ApiRequest
    ) -> Iterator[WatchEvent]:
        if process.stdout is None or process.stderr is None:
            return
        for document in documents(process.stdout):
            changed = at(document, "object")
            if isinstance(changed, dict):
                yield WatchEvent(text(document, "type"), changed)
        if process.wait() != 0 and not over.is_set():
            raise explained(process.stderr.read(), asked)

    def _object(self, *arguments: str, asked: ApiRequest, given: str = "") -> Manifest:
        done = _run(self.command(*arguments), given)
        if done.returncode != 0:
            raise explained(done.stderr, asked)
        try:
            found: Json = json.loads(done.stdout)
        except ValueError as error:
            raise Trouble("kubectl answered with something that is no JSON") from error
        return found if isinstance(found, dict) else {}


def _end(process: subprocess.Popen[str], over: threading.Event) -> None:
    """End a watch whose time is over, which is no trouble."""
    over.set()
    process.terminate()


def documents(lines: Iterable[str]) -> Iterator[Manifest]:
    """Return the JSON objects of a text that has one after another, each in a line or in several."""
    parts: list[str] = []
    for line in lines:
        parts.append(line)
        if not line.rstrip().endswith("}"):
            continue
        try:
            found = json.loads("".join(parts))
        except ValueError:  # it goes on in the next line
            continue
        yield cast("Manifest", found)
        parts = []


def _run(command: Sequence[str], given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, input=given, capture_output=True, text=True, encoding="utf-8", check=False
    )
