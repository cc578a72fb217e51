"""What a hospital's cluster asks of the pods of a model, in Kubernetes' own terms.

What a container may do can only be narrowed here: there is no `privileged`, and no capability is added but the one
that PodSecurity `restricted` allows.
"""

from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from mlhops.api.base import Json, ObjectName, Resource, list_map, matching, rules

_KEY = "^[-._a-zA-Z0-9]+$"
_USER = 2**31 - 1
_ONE_SOURCE = "exactly one source is needed: set one of them, and remove the others"
DataKey = Annotated[
    str,
    Field(
        min_length=1,
        max_length=253,
        pattern=_KEY,
        json_schema_extra=matching(_KEY, "a key has only letters, digits, -, _ and ."),
    ),
]
UserId = Annotated[int, Field(ge=0, le=_USER)]


class KeyReference(Resource):
    """A key of a Secret or a ConfigMap of the model's namespace."""

    name: ObjectName
    """The object's name."""
    key: DataKey
    """The key in it."""
    optional: bool | None = None
    """Whether a pod starts without it; not, where it is left out."""


class EnvSource(
    Resource,
    json_schema_extra=rules(
        ("has(self.secretKeyRef) != has(self.configMapKeyRef)", _ONE_SOURCE, ".secretKeyRef"),
    ),
):
    """Where the value of a variable comes from."""

    secret_key_ref: KeyReference | None = None
    """A key of a Secret. The value may change without a new revision: keep what decides an answer elsewhere."""
    config_map_key_ref: KeyReference | None = None
    """A key of a ConfigMap. The value may change without a new revision: keep what decides an answer in `value`."""


class ObjectReference(Resource):
    """An object of the model's namespace."""

    name: ObjectName
    """Its name."""
    optional: bool | None = None
    """Whether a pod starts without it; not, where it is left out."""


class EnvFrom(
    Resource,
    json_schema_extra=rules(
        ("has(self.secretRef) != has(self.configMapRef)", _ONE_SOURCE, ".secretRef"),
    ),
):
    """Variables of all keys of an object."""

    prefix: (
        Annotated[
            str,
            Field(
                max_length=63,
                json_schema_extra=matching(
                    "^[-._A-Za-z][-._A-Za-z0-9]*$",
                    "a prefix begins the name of a variable: letters, digits, _, - and . alone",
                ),
            ),
        ]
        | None
    ) = None
    """What each variable's name begins with."""
    secret_ref: ObjectReference | None = None
    """A Secret; its values may change without a new revision."""
    config_map_ref: ObjectReference | None = None
    """A ConfigMap; its values may change without a new revision."""


class PullSecret(Resource):
    """A Secret with which images are pulled."""

    name: ObjectName
    """The Secret's name, in the model's namespace."""


class SeccompProfile(
    Resource,
    json_schema_extra=rules(
        (
            "(self.type == 'Localhost') == has(self.localhostProfile)",
            "localhostProfile is for type Localhost, which needs it: set both, or neither",
            ".localhostProfile",
        ),
    ),
):
    """Which system calls are allowed."""

    type: Literal["RuntimeDefault", "Localhost"]
    """The container runtime's profile, or one of the node's."""
    localhost_profile: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """The profile's path on the node."""


class Capabilities(Resource):
    """Linux capabilities."""

    add: Annotated[list[Literal["NET_BIND_SERVICE"]], Field(min_length=1, max_length=1)] | None = (
        None
    )
    """Those that are added."""
    drop: (
        Annotated[
            list[Annotated[str, Field(min_length=1, max_length=63)]],
            Field(min_length=1, max_length=64),
        ]
        | None
    ) = None
    """Those that are taken away; `ALL` for all."""


class PodSecurityContext(Resource):
    """Kubernetes' security context of a pod."""

    run_as_non_root: Literal[True] | None = None
    """Refuse containers that would run as root."""
    run_as_user: UserId | None = None
    """The user of all containers that name none."""
    run_as_group: UserId | None = None
    """The group of all containers that name none."""
    fs_group: UserId | None = None
    """The group that owns volumes."""
    fs_group_change_policy: Literal["OnRootMismatch", "Always"] | None = None
    """When the owner of a volume's files is set; Always, where it is left out."""
    supplemental_groups: Annotated[list[UserId], Field(min_length=1, max_length=32)] | None = None
    """Further groups of all containers."""
    seccomp_profile: SeccompProfile | None = None
    """Which system calls are allowed: those of RuntimeDefault, where it is left out."""


class SecurityContext(Resource):
    """Kubernetes' security context of the model server's container."""

    run_as_non_root: Literal[True] | None = None
    """Refuse to run as root."""
    run_as_user: UserId | None = None
    """The user."""
    run_as_group: UserId | None = None
    """The group."""
    allow_privilege_escalation: Literal[False] | None = None
    """False, so that no process gets more rights than its parent."""
    read_only_root_filesystem: bool | None = None
    """Whether the container can write to its volumes alone."""
    capabilities: Capabilities | None = None
    """Linux capabilities."""
    seccomp_profile: SeccompProfile | None = None
    """Which system calls are allowed; as the pod has it, where it is left out."""


class ConfigMapVolume(Resource):
    """The keys of a ConfigMap as files."""

    name: ObjectName
    """The ConfigMap's name."""


class SecretVolume(Resource):
    """The keys of a Secret as files."""

    secret_name: ObjectName
    """The Secret's name."""


class ClaimVolume(Resource):
    """A volume that is claimed."""

    claim_name: ObjectName
    """The PersistentVolumeClaim's name."""


_TAKEN = "mlhops-', 'kserve-', 'kube-"


class Volume(
    Resource,
    json_schema_extra=rules(
        (
            (
                "[has(self.configMap), has(self.secret), has(self.persistentVolumeClaim)]"
                ".filter(given, given).size() == 1"
            ),
            _ONE_SOURCE,
        ),
    ),
):
    """Files that the model server may read."""

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=63,
            json_schema_extra=rules(
                (
                    "!format.dns1123Label().validate(self).hasValue()",
                    "the name of a volume has only a-z, 0-9 and -, and begins and ends with a letter or a digit",
                ),
                (
                    f"['{_TAKEN}'].all(p, !self.startsWith(p))",
                    "names that begin with mlhops-, kserve- or kube- are taken: choose another",
                ),
            ),
        ),
    ]
    """The volume's name."""
    mount_path: Annotated[
        str,
        Field(
            min_length=1,
            max_length=512,
            json_schema_extra=rules(
                (
                    "self.matches('^(/[^/:]+)+$') && !self.matches('/[.][.]?(/|$)')",
                    "mountPath is a folder of the container: write it like /etc/vocabulary",
                ),
                (
                    "!self.matches('^/(mnt/models|tmp|var/run/secrets|run/secrets|proc|sys|dev)(/|$)')",
                    (
                        "mountPath must not lie in /mnt/models, /tmp, /run/secrets, /proc, /sys or /dev, "
                        "which have a use already: choose another folder"
                    ),
                ),
            ),
        ),
    ]
    """Where the files lie in the model server's container."""
    sub_path: (
        Annotated[
            str,
            Field(
                min_length=1,
                max_length=512,
                json_schema_extra=rules(
                    (
                        "!self.startsWith('/') && !self.matches('(^|/)[.][.](/|$)')",
                        "subPath lies in the volume: write it without a / in front and without ..",
                    )
                ),
            ),
        ]
        | None
    ) = None
    """The part of the volume that is mounted; all of it, where it is left out."""
    config_map: ConfigMapVolume | None = None
    """A ConfigMap; its content may change without a new revision."""
    secret: SecretVolume | None = None
    """A Secret; its content may change without a new revision."""
    persistent_volume_claim: ClaimVolume | None = None
    """A claim; what lies on it may change without a new revision."""


Volumes = Annotated[
    list[Volume],
    Field(max_length=16, json_schema_extra=list_map("name", "volumes")),
]

_ANYTHING: dict[str, Json] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
Anything = Annotated[dict[str, object], WithJsonSchema(_ANYTHING)]
"""An object of a pod's spec as it stands; what the API server makes of it, it says when the pod is made."""


class Affinity(
    Resource,
    json_schema_extra=rules(
        (
            "has(self.nodeAffinity) || has(self.podAffinity) || has(self.podAntiAffinity)",
            "affinity has nodeAffinity, podAffinity or podAntiAffinity: set one, or remove affinity",
        ),
    ),
):
    """Where the pods may run, as in a pod's spec."""

    node_affinity: Anything | None = None
    """On which nodes."""
    pod_affinity: Anything | None = None
    """Beside which other pods."""
    pod_anti_affinity: Anything | None = None
    """Away from which other pods."""
