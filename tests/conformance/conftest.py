"""One cluster without KServe for all comparisons, with small programs in place of images."""

import sys
from collections.abc import Iterator

import pytest

from lab.cluster import Cluster

LISTEN = """
import http.server, os
address = (os.environ["LAB_POD_IP"], 8080)
http.server.ThreadingHTTPServer(address, http.server.SimpleHTTPRequestHandler).serve_forever()
"""


@pytest.fixture(scope="package")
def cluster() -> Iterator[Cluster]:
    """A cluster with the namespaces of the samples."""
    images = {"listener": (sys.executable, "-I", "-c", LISTEN)}
    with Cluster.start(images=images, with_kserve=False) as running:
        for name in ("icu", "other"):
            running.kubectl("create", "namespace", name)
        yield running
