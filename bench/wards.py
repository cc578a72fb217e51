"""A lab with an operator, and a ward (namespace) of its own for each that asks."""

import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab.cluster import Cluster
from lab.demo.train import load, train
from testkit.api import Api
from testkit.installed import USER
from testkit.installed_lab import installed_lab
from testkit.lab_operator import LabOperator
from testkit.ward import Ward


@contextmanager
def wards(
    audited: Sequence[str] = (USER,),
) -> Iterator[tuple[Callable[[], Ward], LabOperator, Cluster]]:
    """What makes a ward, the operator that is at work in all of them, and the lab."""
    people = load()
    with (
        tempfile.TemporaryDirectory() as folder,
        installed_lab(audited=audited) as cluster,
    ):
        models = Path(folder) / "models"
        models.mkdir()
        train(people, models)
        operator, api = LabOperator(cluster), Api(cluster.kubeconfig)
        operator.start()

        def ward() -> Ward:
            made = Ward(cluster, api, f"ward-{secrets.token_hex(3)}")
            made.prepare(people.held_out, models)
            return made

        try:
            yield ward, operator, cluster
        finally:
            operator.kill()
            api.close()
