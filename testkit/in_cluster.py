"""Starts the operator in a pod of the lab, which has no /var/run of its own: its token is found in the pod's folder.

`python -m testkit.in_cluster ROOT ARGUMENTS...`, ROOT being the folder of the cluster.
"""

import json
import os
import sys
from pathlib import Path

from testkit.installed import NAMESPACE


def main(root: Path, arguments: list[str]) -> None:
    """Become the operator, with the rights of the pod's ServiceAccount."""
    own = os.environ["LAB_POD_IP"]
    [admin] = (root / "kubeconfigs").glob("lab-admin-*.yaml")
    config = json.loads(admin.read_text())
    token = next((root / "lab" / "kubelet" / "pods" / NAMESPACE).glob("**/token")).read_text()
    config["users"] = [{"name": "lab", "user": {"token": token}}]
    path = root / f"operator-{own}.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(config))
    os.environ["KUBECONFIG"] = str(path)
    command = (sys.executable, "-m", "mlhops.controller", *arguments)
    os.execv(sys.executable, command)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
