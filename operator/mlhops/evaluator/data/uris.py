"""What a URI names, and how it is shown: without what may be secret in it."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from mlhops.evaluator.errors import EvaluationError


def shown(uri: str) -> str:
    """Return a URI without what may be secret in it: user, password, query."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def without_secrets(uri: str, field: str) -> None:
    """Raise an error if a URI holds what may be a credential: then it is one too many already."""
    parts = urlsplit(uri)
    if "@" in parts.netloc or "?" in uri or "#" in uri:
        raise EvaluationError(
            f"{field} {shown(uri)} has a user, a query or a #, which may be credentials: put "
            "those into a Secret and name it in secretName, or set evaluation.serviceAccountName"
        )


def on_this_machine(uri: str, field: str) -> Path:
    """Return the path of a file:// URI."""
    parts = urlsplit(uri)
    if parts.netloc not in ("", "localhost"):
        raise EvaluationError(
            f"{field} {shown(uri)} names a host: write file:///path with three slashes"
        )
    return Path(unquote(parts.path))


def in_claim(uri: str, root: Path, field: str) -> Path:
    """Return the path of a pvc:// URI below the folder at which its claim is mounted.

    Raises:
        EvaluationError: the path is incomplete, or leaves the claim.
    """
    claim, _, path = uri.removeprefix("pvc://").partition("/")
    if claim in ("", ".", "..") or not path.strip("/"):
        raise EvaluationError(
            f"{field} {uri} is incomplete: write pvc://<claim>/<path of the file>"
        )
    if ".." in Path(path).parts:
        raise EvaluationError(f"{field} must not contain '..': name the path from the claim's root")
    root = root.resolve()
    found = (root / path.lstrip("/")).resolve()
    if not found.is_relative_to(root):
        raise EvaluationError(
            f"{field} {uri} leaves its claim by a symbolic link: name a file inside"
        )
    return found
