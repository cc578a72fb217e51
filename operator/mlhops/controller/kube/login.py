"""The login to the API server: one for the watches of kopf and for the operator's own requests.

A kubeconfig, or the pod's ServiceAccount, comes in; address, certificates and a token go out. The `kubernetes` client
reads them, since that runs the exec plug-ins of managed clusters (EKS, GKE, AKS); kopf's own login does not.
"""

import os
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import kopf
from kubernetes.aio import config
from kubernetes.aio.client import Configuration

Login: TypeAlias = Callable[[], Awaitable[Configuration]]
"""Logs in anew: tokens of exec plug-ins last for minutes."""


def in_cluster() -> bool:
    """Whether the process runs as a pod and speaks to the cluster of that pod."""
    return bool(os.environ.get("KUBERNETES_SERVICE_HOST")) and not os.environ.get("KUBECONFIG")


async def log_in() -> Configuration:
    """Return address and credentials of the cluster that runs the process, or of the one that KUBECONFIG names.

    Raises:
        kubernetes.aio.config.ConfigException: there is none, it is damaged, or its exec plug-in fails.
    """
    configuration = Configuration()
    if in_cluster():
        config.load_incluster_config(client_configuration=configuration)
    else:
        await config.load_kube_config(client_configuration=configuration)
    return configuration


async def token_of(configuration: Configuration) -> str:
    """Return the value of the Authorization header, empty where a certificate says who we are."""
    settings = (await configuration.auth_settings()).get("BearerToken")
    return settings["value"] or "" if settings else ""


async def connection_info(**_: object) -> kopf.ConnectionInfo:
    """Log in for kopf, which asks again when the API server no longer takes its credentials."""
    configuration = await log_in()
    scheme, _space, token = (await token_of(configuration)).partition(" ")
    return kopf.ConnectionInfo(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert,
        insecure=not configuration.verify_ssl,
        scheme=scheme or None,
        token=token or None,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
        proxy_url=configuration.proxy,
    )
