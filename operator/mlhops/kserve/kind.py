"""A kind of object, and where the API server keeps it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of object."""

    group: str
    version: str
    plural: str
    cluster: bool = False
    """Whether its objects are in no namespace."""

    def path(self, namespace: str, name: str = "", subresource: str = "") -> str:
        """Return the URL path of an object or of a list; of all namespaces where none is named."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        within = ["namespaces", namespace] if namespace else []
        parts = [root, *within, self.plural, name, subresource]
        return "/".join(part for part in parts if part)
