"""A kubeconfig whose user is an exec plug-in, as managed clusters give it: one login for watches, reads and writes."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from lab.control import ControlPlane
from mlhops.api.base import Json
from testkit.api import Api, until
from testkit.fake_controllers import Hands, OperatorProcess

PLUGIN = """
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
with (folder / "asked").open("a") as asked:
    asked.write("x")
status = {"token": (folder / "token").read_text()}
print(json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}))
"""


class Account:
    """A ServiceAccount that may do everything, and a plug-in that tells its token."""

    def __init__(self, plane: ControlPlane, namespace: str, folder: Path) -> None:
        self._plane, self._namespace, self._folder = plane, namespace, folder
        self._kubectl("create", "serviceaccount", "remote")
        subject = f"--serviceaccount={namespace}:remote"
        plane.kubectl(
            *("create", "clusterrolebinding", namespace, "--clusterrole=cluster-admin", subject)
        )
        (folder / "plugin.py").write_text(PLUGIN)
        self.renew()

    def renew(self) -> None:
        """Make the token that the plug-in tells from now on."""
        token = self._folder / "token.new"
        token.write_text(self._kubectl("create", "token", "remote").strip())
        token.replace(self._folder / "token")

    def revoke(self) -> None:
        """Make all tokens void that were told so far."""
        self._kubectl("delete", "serviceaccount", "remote")
        self._kubectl("create", "serviceaccount", "remote")

    @property
    def asked(self) -> int:
        """How often the plug-in was run."""
        return (self._folder / "asked").stat().st_size

    def kubeconfig(self) -> Path:
        """A kubeconfig with the plug-in, and with no credentials of its own."""
        config = cast(dict[str, list[Json]], json.loads(self._plane.kubeconfig.read_text()))
        plugin: Json = {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": [str(self._folder / "plugin.py"), str(self._folder)],
            "interactiveMode": "Never",
        }
        config["users"] = [{"name": "lab", "user": {"exec": plugin}}]
        path = self._folder / "kubeconfig.json"
        path.write_text(json.dumps(config))
        return path

    def _kubectl(self, *arguments: str) -> str:
        return self._plane.kubectl(*arguments, "--namespace", self._namespace)


@pytest.fixture
def account(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Account:
    return Account(control_plane, namespace, tmp_path)


@pytest.fixture
def operator(account: Account, namespace: str, tmp_path: Path) -> Iterator[OperatorProcess]:
    """An operator that has nothing but the plug-in to log in with."""
    process = OperatorProcess(account.kubeconfig(), namespace, tmp_path / "operator.log")
    process.start()
    yield process
    code = process.stop()
    print(process.log.read_text()[-8000:])
    assert code == 0


def test_what_an_exec_plug_in_tells_is_taken_by_watches_and_writes(
    account: Account, hands: Hands, api: Api
) -> None:
    hands.apply_model("1.0.0")  # heard by a watch, written by the operator
    until("the candidate's server", lambda: hands.services(), seconds=40)

    account.revoke()
    account.renew()
    time.sleep(11)  # the API server remembers for ten seconds which tokens it has taken
    before = account.asked
    hands.apply_model("2.0.0")

    until("the next candidate", lambda: hands.candidate().get("version") == "2.0.0", seconds=60)
    assert before < account.asked < before + 20
