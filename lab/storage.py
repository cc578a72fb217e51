"""The program of image `kserve/storage-initializer`: KServe's own, its script from the module, its package from PyPI.

It reads `file://`, `s3://` and `http(s)://` here. What it needs for Google's, Azure's and other stores is not
installed, and its last words say so.
"""

import sys

from lab.cache import REPOSITORY
from lab.kserve_upstream.release import release
from lab.packages import packages

IMAGE = "kserve/storage-initializer"
PINNED = REPOSITORY / "requirements" / "storage.txt"


def initializer() -> tuple[str, ...]:
    """How it is called, before the arguments that KServe gives it: a URI and a folder.

    Raises:
        NoKServe, NoPackage: it can neither be found in the cache nor be had.
    """
    folder = packages(PINNED, "installing KServe's storage initializer into the cache")
    return ("/usr/bin/env", f"PYTHONPATH={folder}", sys.executable, str(release().initializer))
