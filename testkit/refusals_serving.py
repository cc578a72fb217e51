"""What is refused of names, cards and predictors."""

from testkit.builders import clinical_model, without
from testkit.refusal import Refusal, field, model, predictor, resources, toleration, volume

METADATA = (
    Refusal(
        "a name that is too long for a host name",
        clinical_model(name="a" * 41),
        "metadata.name",
        "at most 40 characters",
    ),
    Refusal(
        "a name that starts with a digit",
        clinical_model(name="1sepsis"),
        "metadata.name",
        "must start with a letter",
    ),
    Refusal(
        "a name with a dot",
        clinical_model(name="sepsis.v1"),
        "metadata.name",
        "have only a-z, 0-9 and -",
    ),
    Refusal("no spec", without(clinical_model(), "spec"), "spec", "Required value"),
    field("a field that does not exist", "spec.rollot", {}, 'unknown field "spec.rollot"'),
    field(
        "a field that does not exist deep inside",
        "spec.evaluation.gates.0.treshold",
        0.1,
        'unknown field "spec.evaluation.gates[0].treshold"',
    ),
)

CARD = (
    field("a version with a blank", "spec.version", "1 0", "write it like 2.1.0"),
    field("a version in Chinese", "spec.version", "版本1", "write it like 2.1.0"),
    field("an empty version", "spec.version", "", "write it like 2.1.0"),
    field("a version that is a number", "spec.version", 1.0, "must be of type string"),
    field("a version that is too long", "spec.version", "1" * 64, "may not be more than 63"),
    Refusal(
        "no intended use",
        without(clinical_model(), "spec.card.intendedUse"),
        "spec.card.intendedUse",
        "Required value",
    ),
    field("a blank intended use", "spec.card.intendedUse", " \n", "say what the model is for"),
    field("a blank owner", "spec.card.owner", " ", "name the team or person"),
    field(
        "a risk class of another scheme",
        "spec.card.riskClass",
        "IIa",
        "of the EU MDR (such as IIa)",
    ),
    field("a card that is a text", "spec.card", "see the wiki", "must be of type object"),
    field("a novel", "spec.card.users", "ж" * 4097, "may not be more than 4096"),
    field("33 limitations", "spec.card.limitations", ["x"] * 33, "must have at most 32 items"),
    model(
        "a citation without an address",
        "spec.card.citations",
        [{"kind": "Trial", "text": "A trial", "url": "javascript:alert(1)"}],
        "spec.card.citations[0].url",
        "write a URL like https://doi.org/",
    ),
    field(
        "another role in a decision",
        "spec.card.decisionRole",
        "Decides",
        '"Informs", "Augments", "Replaces"',
    ),
    model(
        "a developer without a name",
        "spec.card.developer",
        {"contact": "ml@hospital.example"},
        "spec.card.developer.name",
        "Required value",
    ),
)

PREDICTOR = (
    predictor("a scheme that KServe does not know", "storageUri", "ftp://a/b", "s3://, gs://"),
    predictor("a path without a scheme", "storageUri", "/models/sepsis", "must begin with s3://"),
    predictor("a scheme in capitals", "storageUri", "S3://models/sepsis", "must begin with s3://"),
    predictor("a scheme and nothing else", "storageUri", "s3://", "must begin with s3://"),
    predictor("a scheme in the middle", "storageUri", "x s3://a/b", "must begin with s3://"),
    *(
        predictor(f"{uri} as a volume", "storageUri", uri, "write it like pvc://models/sepsis/1")
        for uri in (
            "pvc://",
            "pvc:///sepsis",
            "pvc://models",
            "pvc://models/",
            "pvc://Models/sepsis",
            "pvc://my_models/sepsis",
            "pvc://-models/sepsis",
            "pvc://a..b/sepsis",
            f"pvc://{'m' * 254}/sepsis",
        )
    ),
    predictor("a line break in the URI", "storageUri", "s3://a/b\nc", "percent-encoded"),
    predictor("a digest that is too short", "digest", "sha256:abc", "64 digits of 0-9a-f"),
    predictor("a digest in capitals", "digest", "sha256:" + "A" * 64, "as sha256sum prints them"),
    predictor("another digest", "digest", "md5:" + "a" * 32, "a digest is sha256:"),
    predictor("another protocol", "protocolVersion", "grpc-v2", '"v1", "v2"'),
    predictor("a runtime with a blank", "runtime", "My Runtime", "name an object of the cluster"),
    predictor("an account in capitals", "serviceAccountName", "Reader", "only a-z, 0-9, - and ."),
    predictor("an empty format", "modelFormat", {"name": ""}, "at least 1 chars", ".name"),
    predictor("no replica", "minReplicas", 0, "minReplicas must be at least 1: the model has to"),
    predictor("no replica at most", "maxReplicas", 0, "maxReplicas must be at least 1: raise it"),
    predictor("half a replica", "minReplicas", 1.5, "must be of type integer"),
    predictor("a million replicas", "minReplicas", 10**6, "less than or equal to 1000"),
    predictor("a target beyond KServe's", "scaleTarget", 2**31, "less than or equal to 2147483647"),
    predictor("a metric to scale on that is not one", "scaleMetric", "gpu", '"cpu", "memory"'),
    Refusal(
        "fewer replicas at most than at least",
        clinical_model({"spec.predictor.minReplicas": 3, "spec.predictor.maxReplicas": 2}),
        "spec.predictor.maxReplicas",
        "raise it or lower minReplicas",
    ),
    model(
        "a target for nothing",
        "spec.predictor.scaleTarget",
        80,
        "spec.predictor.scaleMetric",
        "say what is scaled on",
    ),
    *(
        predictor(
            f"{metric}, of which the HPA knows nothing", "scaleMetric", metric, "to cpu or memory"
        )
        for metric in ("concurrency", "rps")
    ),
    model(
        "memory to scale on without a target",
        "spec.predictor.scaleMetric",
        "memory",
        "spec.predictor.scaleTarget",
        "so set it",
    ),
    predictor(
        "the operator's variable",
        "env",
        [{"name": "MLSERVER_MODEL_NAME", "value": "sepsis"}],
        "env must not set MLSERVER_MODEL_NAME",
    ),
    predictor("PYTHONPATH", "env", [{"name": "PYTHONPATH", "value": "/x"}], "so remove it"),
    predictor(
        "a variable twice",
        "env",
        [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}],
        "rename or remove the repeated one",
    ),
    predictor("a variable with =", "env", [{"name": "A=B"}], "has only letters", "[0].name"),
    predictor("65 variables", "env", [{"name": f"A{n}"} for n in range(65)], "at most 64 items"),
    predictor(
        "a variable of two values",
        "env",
        [{"name": "A", "value": "1", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
        "remove one of them",
        "[0].valueFrom",
    ),
    predictor(
        "a variable of two sources",
        "env",
        [
            {
                "name": "A",
                "valueFrom": {
                    "secretKeyRef": {"name": "s", "key": "k"},
                    "configMapKeyRef": {"name": "s", "key": "k"},
                },
            }
        ],
        "exactly one source is needed",
        "[0].valueFrom.secretKeyRef",
    ),
    predictor(
        "a key with a blank",
        "env",
        [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "a b"}}}],
        "a key has only letters",
        "[0].valueFrom.secretKeyRef.key",
    ),
    predictor(
        "variables from nowhere",
        "envFrom",
        [{"prefix": "A_"}],
        "exactly one source is needed",
        "[0].secretRef",
    ),
    predictor(
        "a prefix with a blank",
        "envFrom",
        [{"prefix": "A B", "secretRef": {"name": "s"}}],
        "a prefix begins the name of a variable",
        "[0].prefix",
    ),
    predictor(
        "a pull secret twice",
        "imagePullSecrets",
        [{"name": "a"}, {"name": "a"}],
        "imagePullSecrets must each have a name of their own",
    ),
    predictor(
        "a profile of the node without its path",
        "securityContext",
        {"seccompProfile": {"type": "Localhost"}},
        "localhostProfile is for type Localhost",
        ".seccompProfile.localhostProfile",
    ),
    predictor(
        "no seccomp",
        "podSecurityContext",
        {"seccompProfile": {"type": "Unconfined"}},
        '"RuntimeDefault", "Localhost"',
        ".seccompProfile.type",
    ),
    predictor(
        "root, if need be",
        "securityContext",
        {"runAsNonRoot": False},
        'supported values: "true"',
        ".runAsNonRoot",
    ),
    predictor(
        "all rights",
        "securityContext",
        {"privileged": True},
        'unknown field "spec.predictor.securityContext.privileged"',
        ".privileged",
    ),
    predictor(
        "a capability that is refused",
        "securityContext",
        {"capabilities": {"add": ["SYS_ADMIN"]}},
        '"NET_BIND_SERVICE"',
        ".capabilities.add[0]",
    ),
    predictor("no affinity", "affinity", {}, "set one, or remove affinity"),
    predictor("a runtime class in capitals", "runtimeClassName", "GPU", "only a-z, 0-9, - and ."),
    volume("a volume of nothing", {}, "exactly one source is needed", ""),
    volume(
        "a volume of two things",
        {"configMap": {"name": "a"}, "secret": {"secretName": "a"}},
        "exactly one source is needed",
        "",
    ),
    *(
        volume(f"{place} as a mount", {"mountPath": place}, remedy, ".mountPath")
        for place, remedy in (
            ("etc/terms", "write it like /etc/vocabulary"),
            ("/", "write it like /etc/vocabulary"),
            ("/a:b", "write it like /etc/vocabulary"),
            ("/etc/../mnt/models", "write it like /etc/vocabulary"),
            ("/etc/.", "write it like /etc/vocabulary"),
            ("/mnt/models", "choose another folder"),
            ("/mnt/models/1", "choose another folder"),
            ("/var/run/secrets/x", "choose another folder"),
            ("/dev", "choose another folder"),
        )
    ),
    volume("a part outside", {"subPath": "a/../../b"}, "write it without a / in front", ".subPath"),
    volume("a part from the root", {"subPath": "/a"}, "write it without a / in front", ".subPath"),
    volume("the operator's volume", {"name": "mlhops-tmp"}, "choose another", ".name"),
    volume("KServe's volume", {"name": "kserve-pvc-source"}, "choose another", ".name"),
    volume("a volume in capitals", {"name": "Terms"}, "only a-z, 0-9 and -", ".name"),
    predictor(
        "a volume twice",
        "volumes",
        [{"name": "a", "mountPath": f"/{n}", "configMap": {"name": "a"}} for n in ("a", "b")],
        "volumes must each have a name of their own",
    ),
    predictor("the operator's own argument", "args", ["--model_name=x"], "so remove them"),
    predictor("the same in two words", "args", ["--model_name", "x"], "so remove them"),
    predictor("the same, cut short", "args", ["--model_n=x"], "so remove them"),
    predictor("another port", "args", ["--http_port=1"], "so remove them"),
    predictor("a label with a blank", "labels", {"a b": "c"}, "a label is [<domain>/]<name>"),
    predictor("a label's value with a blank", "labels", {"a": "b c"}, "a label is [<domain>/]"),
    predictor("the operator's label", "labels", {"mlhops.io/revision": "x"}, "remove such keys"),
    predictor(
        "an annotation by which KServe loads another artefact",
        "annotations",
        {"internal.serving.kserve.io/storage-initializer-sourceuri": "s3://evil"},
        "belong to the operator and to KServe",
    ),
    predictor("an annotation with a blank", "annotations", {"a b": "c"}, "key of an annotation is"),
    predictor("a node label with a blank", "nodeSelector", {"a b": "c"}, "a label is [<domain>/]"),
    predictor(
        "33 labels", "labels", {f"l{n}": "" for n in range(33)}, "must have at most 32 items"
    ),
    toleration(
        "a value that need not be equal",
        {"key": "gpu", "operator": "Exists", "value": "a100"},
        "remove value, or set operator to Equal",
        ".value",
    ),
    toleration("all taints by accident", {"effect": "NoSchedule"}, "or set key", ".key"),
    toleration(
        "seconds of what does not evict",
        {"key": "gpu", "tolerationSeconds": 5},
        "is for effect NoExecute",
        ".tolerationSeconds",
    ),
    resources("5 cabbages", {"limits": {"cpu": "5 cabbages"}}, "500m, 2 or 4Gi", ".limits"),
    resources("gigabytes with a B", {"limits": {"memory": "4GB"}}, "500m, 2 or 4Gi", ".limits"),
    resources("less than no memory", {"limits": {"memory": "-1Gi"}}, "at least 0", ".limits"),
    resources("less than no core", {"requests": {"cpu": -1}}, "at least 0", ".requests"),
    resources("half a core as a number", {"limits": {"cpu": 0.5}}, "integer,string", ".limits.cpu"),
    resources("cores misspelt", {"limits": {"cpus": 1}}, "a resource is cpu, memory", ".limits"),
    resources(
        "a request beyond the limit",
        {"requests": {"memory": "2Gi"}, "limits": {"memory": "1025Mi"}},
        "raise the limit or lower the request",
        ".requests",
    ),
    resources(
        "a GPU without a limit",
        {"requests": {"nvidia.com/gpu": 1}},
        "set it in limits, and leave it out of requests",
        ".requests",
    ),
    resources(
        "fewer GPUs at least than at most",
        {"requests": {"nvidia.com/gpu": "1"}, "limits": {"nvidia.com/gpu": 2}},
        "set it in limits, and leave it out of requests",
        ".requests",
    ),
    resources(
        "half a GPU",
        {"limits": {"nvidia.com/gpu": "500m"}},
        "write its limit as a whole number",
        ".limits",
    ),
)
