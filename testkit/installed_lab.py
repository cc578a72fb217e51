"""A lab with all that is installed but the operator's pod, and the operator as a process in it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from lab.cluster import Cluster
from lab.images import detector, program
from lab.mlserver import IMAGE, NoMLServer, mlserver
from testkit.installed import MANIFESTS, REPOSITORY, USER, forbidden, kustomized
from testkit.lab_operator import LabOperator


@contextmanager
def installed_lab(*, audited: Sequence[str] = (USER,)) -> Iterator[Cluster]:
    """A lab with the project's kinds, images, roles and policies; whose requests are recorded is `audited`."""
    images = {
        "mlhops/evaluator": program("mlhops.evaluator"),
        "mlhops/detector": detector("mlhops.detector"),
    }
    with suppress(NoMLServer):  # the test that needs it says so
        images[IMAGE] = mlserver()
    with Cluster.start(
        images=images,
        install=[REPOSITORY / "crds"],
        backoff_base=0.3,
        audited=audited,
    ) as running:
        objects = kustomized(MANIFESTS / "base", running.control)
        running.apply(*(each for each in objects if each["kind"] != "Deployment"))
        yield running


@contextmanager
def operator_in(cluster: Cluster) -> Iterator[LabOperator]:
    """The operator for all namespaces; whatever is asked of it, it asks for nothing that is forbidden."""
    process = LabOperator(cluster)
    process.start()
    yield process
    process.kill()
    assert forbidden(cluster.control.audit_log) == []
