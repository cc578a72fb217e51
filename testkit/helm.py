"""The real Helm, in a process of its own: it brings a Go runtime along, which has no place among the tests.

`python -m testkit.helm KUBECONFIG NAMESPACE ACTION` reads its arguments as JSON and prints what came of it.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import cast

import yaml
from helm_python import Chart, Config, config, lint

from mlhops.api.base import Manifest


class HelmError(Exception):
    """Helm refused."""


class Helm:
    """Acts on the cluster of a kubeconfig, in one namespace."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self._where = (str(kubeconfig), namespace)

    def render(self, chart: Path, values: Manifest | None = None) -> list[Manifest]:
        """Return the objects of a chart; nothing is asked of a cluster."""
        texts = cast(dict[str, str], self._run("render", chart=str(chart), values=values or {}))
        objects = [
            found
            for name, text in sorted(texts.items())
            if name.endswith(".yaml")
            for found in yaml.safe_load_all(text)
        ]
        return [cast(Manifest, found) for found in objects if found]

    def notes(self, chart: Path, values: Manifest | None = None) -> str:
        """Return what Helm prints after an installation."""
        texts = cast(dict[str, str], self._run("render", chart=str(chart), values=values or {}))
        return next(text for name, text in texts.items() if name.endswith("NOTES.txt"))

    def lint(self, chart: Path) -> list[str]:
        """Return what Helm finds wrong with a chart, or might be."""
        return cast(list[str], self._run("lint", chart=str(chart)))

    def install(self, chart: Path, release: str, values: Manifest | None = None) -> None:
        """Install a chart, and its namespace where there is none."""
        self._run("install", chart=str(chart), release=release, values=values or {})

    def upgrade(
        self, chart: Path, release: str, values: Manifest | None = None, *, flag: str = ""
    ) -> None:
        """Upgrade a release to a chart, with a flag as helm's command line has it."""
        self._run("upgrade", chart=str(chart), release=release, values=values or {}, flag=flag)

    def uninstall(self, release: str) -> None:
        """Remove a release."""
        self._run("uninstall", release=release)

    def _run(self, action: str, **arguments: object) -> object:
        command = [sys.executable, "-m", "testkit.helm", *self._where, action]
        done = subprocess.run(
            command, input=json.dumps(arguments), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise HelmError(done.stderr.strip())
        return json.loads(done.stdout)


def _act(kubeconfig: str, namespace: str, action: str, given: dict[str, object]) -> object:
    if action == "lint":
        return [str(each["error"]) for each in lint(str(given["chart"]), strict=True)["messages"]]
    values = cast(Manifest, given.get("values") or {})
    if action == "render":
        with Chart.load(str(given["chart"])) as chart:
            chart.validate_schema(values)
            return chart.render(values, name="mlhops", namespace=namespace)
    release = str(given["release"])
    with Config(kubeconfig_path=kubeconfig, namespace=namespace) as helm:
        if action == "uninstall":
            helm.uninstall(release)
        elif action == "upgrade":
            _add_option(str(given["flag"]).strip("-").replace("-", "_"))
            helm.upgrade(str(given["chart"]), release, values)
        else:
            helm.install(str(given["chart"]), release, values, create_namespace=True)
    return None


def _add_option(name: str) -> None:
    """Have Helm told one more option than the binding's Python has arguments for."""
    options = config._opts
    if name:
        config._opts = lambda **given: options(**{**given, name: True})


if __name__ == "__main__":
    try:
        where, into, what = sys.argv[1:]
        print(json.dumps(_act(where, into, what, json.load(sys.stdin))))
    except Exception as error:
        sys.exit(f"{type(error).__name__}: {error}")
