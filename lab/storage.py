"""The program of image `kserve/storage-initializer`: fetches a model's files into the pod.

It reads `file://` and `http(s)://`. Object stores are out of reach on one machine: for those it
fails with its last words, as the real one does for a bucket that it cannot open.
"""

import shutil
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 60


class Failed(RuntimeError):
    """The model's files cannot be had."""


def fetch(uri: str, destination: Path) -> None:
    """Copy what the URI names into a folder."""
    parts = urlsplit(uri)
    destination.mkdir(parents=True, exist_ok=True)
    match parts.scheme:
        case "file":
            copy(Path(parts.path), destination)
        case "http" | "https":
            download(uri, destination / Path(parts.path).name)
        case scheme:
            raise Failed(
                f"Failed to fetch model: the lab has no {scheme}:// storage ({uri}); "
                "use pvc://, file:// or http(s)://"
            )


def copy(source: Path, destination: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, destination, dirs_exist_ok=True)
    elif source.is_file():
        shutil.copy(source, destination)
    else:
        raise Failed(f"Failed to fetch model: {source} does not exist")


def download(url: str, target: Path) -> None:
    try:
        with (
            urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer,  # noqa: S310 http(s) only
            target.open("wb") as file,
        ):
            shutil.copyfileobj(answer, file)
    except (urllib.error.URLError, OSError) as error:
        raise Failed(f"Failed to fetch model: {url}: {error}") from error


def main() -> None:
    if len(sys.argv) != 3:
        raise SystemExit("usage: storage-initializer <uri> <folder>")
    try:
        fetch(sys.argv[1], Path(sys.argv[2]))
    except Failed as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
