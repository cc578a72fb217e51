"""One cluster for all comparisons, with small programs in place of images."""

import sys
from collections.abc import Iterator

import pytest

from lab.cluster import Cluster
from lab.images import program

LISTEN = """
import http.server, os
address = (os.environ["LAB_POD_IP"], 8080)
http.server.ThreadingHTTPServer(address, http.server.SimpleHTTPRequestHandler).serve_forever()
"""
# The bucket `missing` is not there.
INITIALIZE = """
import sys
if "://missing/" in sys.argv[1]:
    sys.exit("Failed to fetch model: bucket not found")
"""


def script(text: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-c", text)


@pytest.fixture(scope="package")
def cluster() -> Iterator[Cluster]:
    """A cluster with the namespaces of the samples."""
    images = {
        "kserve-sklearnserver": script(LISTEN),
        "drift": script("import time; time.sleep(3600)"),
        "kserve/storage-initializer": script(INITIALIZE),
        "listener": script(LISTEN),
        "real-sklearnserver": program("lab.modelserver"),
    }
    with Cluster.start(images=images) as running:
        for name in ("icu", "other"):
            running.kubectl("create", "namespace", name)
        running.kubectl("create", "configmap", "sepsis-ref", "--namespace=icu")
        yield running
