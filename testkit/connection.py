"""A connection to the API server of a kubeconfig. Nothing of the operator is in it: its judge uses it as well."""

import base64
import ssl
import tempfile
from pathlib import Path

import httpx
import yaml

_SECONDS = 20


def connect(kubeconfig: Path) -> httpx.Client:
    """Connect as the kubeconfig's user, who has a client certificate."""
    loaded = yaml.safe_load(kubeconfig.read_text())
    cluster: dict[str, str] = loaded["clusters"][0]["cluster"]
    user: dict[str, str] = loaded["users"][0]["user"]
    context = ssl.create_default_context(
        cadata=base64.b64decode(cluster["certificate-authority-data"]).decode()
    )
    with tempfile.NamedTemporaryFile() as pair:
        for part in ("client-certificate-data", "client-key-data"):
            pair.write(base64.b64decode(user[part]) + b"\n")
        pair.flush()
        context.load_cert_chain(pair.name)
    return httpx.Client(
        base_url=cluster["server"], verify=context, timeout=_SECONDS, trust_env=False
    )
