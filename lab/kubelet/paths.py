"""Rewrites container paths to host paths, since processes of the lab share one file system."""

import re
from collections.abc import Mapping
from pathlib import Path

# A path starts a word (also after `=` or a URL's `://`) and ends at a word's end or at a slash.
BEFORE = r"(?:(?<=^)|(?<=[\s\"'=,:;(\[{])|(?<=://))"
AFTER = r"(?=$|[/\s\"',:;)\]}])"


class PathMap:
    """Host paths by mount path; the longest mount path wins, and nothing is rewritten twice."""

    def __init__(self, hosts: Mapping[str, Path]) -> None:
        self.replace(hosts)

    def replace(self, hosts: Mapping[str, Path]) -> None:
        """Use these host paths from now on."""
        self._hosts = {mount.rstrip("/"): str(host) for mount, host in hosts.items()}
        mounts = sorted(self._hosts, key=len, reverse=True)
        joined = "|".join(re.escape(mount) for mount in mounts if mount)
        self._pattern = re.compile(f"{BEFORE}({joined}){AFTER}") if joined else None

    def rewrite(self, text: str) -> str:
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda found: self._hosts[found.group(1)], text)
