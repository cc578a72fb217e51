"""Which runtime a new revision gets, and how its server is told the model's name.

The runtimes are those of KServe v0.20, as far as they matter here; what KServe chose of them was seen on it.
"""

from collections.abc import Mapping
from typing import cast

import pytest

from mlhops.api.base import Json, Manifest, ObjectMeta
from mlhops.api.predictor import EnvVar, Predictor
from mlhops.json_access import at
from mlhops.kserve.form import NEWEST, form_of_live
from mlhops.kserve.inferenceservice import render
from mlhops.kserve.runtime import Naming, Runtime, hint_of_name, naming_of, runtime_for

NAME = "--model_name={{.Name}}"


def runtime(
    name: str,
    formats: Mapping[str, int | None],
    protocols: tuple[str, ...] = ("v1", "v2"),
    args: tuple[str, ...] = (),
    created: str = "2026-01-01T00:00:00Z",
    **spec: Json,
) -> Manifest:
    """A runtime; formats with a priority select themselves."""
    supported: list[Json] = [
        {"name": each, "autoSelect": True, "priority": priority} if priority else {"name": each}
        for each, priority in formats.items()
    ]
    container: Manifest = {"name": "kserve-container", "image": f"{name}:replace"}
    if args:
        container["args"] = list(args)
    return {
        "metadata": {"name": name, "creationTimestamp": created},
        "spec": {
            "supportedModelFormats": supported,
            "protocolVersions": list(protocols),
            "containers": [container],
            **spec,
        },
    }


SKLEARN = runtime("kserve-sklearnserver", {"sklearn": 1}, args=(NAME, "--http_port=8080"))
MLSERVER = runtime("kserve-mlserver", {"sklearn": 2, "xgboost": 2, "mlflow": 1}, ("v2",))
TRITON = runtime(
    "kserve-tritonserver", {"onnx": None}, ("v2",), ("tritonserver", "--http-port=8080")
)
TORCH = runtime("kserve-torchserve", {"pytorch": 2}, args=("torchserve", "--start"))
OPENVINO = runtime("kserve-openvino", {"onnx": 1}, ("v2",), (NAME, "--rest_port=8080"))
CLUSTER = (SKLEARN, MLSERVER, TRITON, TORCH, OPENVINO)


def predictor(
    format_: str, protocol: str = "v2", named: str | None = None, **more: Json
) -> Predictor:
    return Predictor.model_validate(
        {
            "modelFormat": {"name": format_},
            "storageUri": "pvc://models/sepsis",
            "protocolVersion": protocol,
            "runtime": named,
            **more,
        }
    )


@pytest.mark.parametrize(
    ("format_", "protocol", "named", "chosen", "naming"),
    [
        ("sklearn", "v2", None, "kserve-mlserver", "Variable"),
        ("sklearn", "v1", None, "kserve-sklearnserver", "Argument"),
        ("xgboost", "v2", None, "kserve-mlserver", "Variable"),
        ("mlflow", "v2", None, "kserve-mlserver", "Variable"),
        ("onnx", "v2", None, "kserve-openvino", "Argument"),
        ("onnx", "v2", "kserve-tritonserver", None, "Own"),
        ("pytorch", "v2", "kserve-torchserve", None, "Own"),
        ("sklearn", "v2", "kserve-mlserver", None, "Variable"),
        ("sklearn", "v2", "kserve-sklearnserver", None, "Argument"),
        ("sklearn", "v2", "not-there", None, None),
        ("paddle", "v2", None, None, None),
    ],
)
def test_the_choice_is_kserves_and_the_name_is_set_as_the_runtime_takes_it(
    format_: str, protocol: str, named: str | None, chosen: str | None, naming: Naming | None
) -> None:
    asked = predictor(format_, protocol, named)
    assert runtime_for(asked, [], CLUSTER) == Runtime(chosen, naming)


def test_a_runtime_of_the_namespace_comes_first_whatever_its_priority() -> None:
    own = runtime("ward", {"sklearn": 1}, args=(NAME,))
    assert runtime_for(predictor("sklearn"), [own], CLUSTER) == Runtime("ward", "Argument")
    same_name = runtime("kserve-mlserver", {"sklearn": 1}, args=(NAME,))
    named = predictor("sklearn", named="kserve-mlserver")
    assert runtime_for(named, [same_name], CLUSTER).naming == "Argument"


def test_what_cannot_serve_is_not_chosen() -> None:
    others = [
        runtime("disabled", {"sklearn": 9}, disabled=True),
        runtime("of-many", {"sklearn": 9}, multiModel=True),
        runtime("not-by-itself", {"sklearn": None}),
        runtime("another-protocol", {"sklearn": 9}, ("grpc-v2",)),
    ]
    assert runtime_for(predictor("sklearn"), [], others) == Runtime(None, None)
    versioned = runtime("versioned", {})
    supported: Json = [{"name": "sklearn", "version": "0", "autoSelect": True}]
    cast(Manifest, versioned["spec"])["supportedModelFormats"] = supported
    asked = predictor("sklearn", modelFormat={"name": "sklearn", "version": "1"})
    assert runtime_for(asked, [], [versioned]) == Runtime(None, None)
    assert runtime_for(predictor("sklearn"), [], [versioned]).name == "versioned"


def test_of_equal_priority_the_youngest_is_chosen_and_then_the_first_by_name() -> None:
    old = runtime("a", {"sklearn": 1}, created="2025-01-01T00:00:00Z")
    new = [runtime(name, {"sklearn": 1}, created="2026-01-01T00:00:00Z") for name in ("c", "b")]
    assert runtime_for(predictor("sklearn"), [], [old, *new]).name == "b"


def test_mlserver_is_known_under_another_name() -> None:
    typed = runtime("ours", {"sklearn": 1})
    cast(Manifest, typed["metadata"])["annotations"] = {"serving.kserve.io/server-type": "mlserver"}
    assert naming_of(typed) == "Variable"
    told = runtime("ours", {"sklearn": 1})
    container = cast(Manifest, cast("list[Json]", at(told, "spec", "containers"))[0])
    container["env"] = [{"name": "MLSERVER_MODEL_NAME", "value": "{{.Name}}"}]
    assert naming_of(told) == "Variable"


def test_a_flag_in_two_words_is_one_and_one_that_begins_alike_is_none() -> None:
    assert naming_of(runtime("x", {}, args=("tritonserver", "--model_name", "a"))) == "Argument"
    assert naming_of(runtime("x", {}, args=("tritonserver", "--model_names=a"))) == "Own"


@pytest.mark.parametrize(
    ("runtime_", "args", "variables"),
    [
        (Runtime("kserve-mlserver", "Variable"), None, ["MLSERVER_MODEL_NAME"]),
        (Runtime("kserve-openvino", "Argument"), ["--model_name=sepsis"], []),
        (Runtime("kserve-tritonserver", "Own"), None, []),
    ],
)
def test_what_was_chosen_is_named_and_told_the_name_in_its_way(
    runtime_: Runtime, args: Json, variables: list[str]
) -> None:
    asked = predictor("sklearn")
    form = form_of_live(None, asked, runtime_)
    assert (form.probed, form.confined) == (NEWEST.probed, NEWEST.confined)
    meta = ObjectMeta(name="sepsis", namespace="hospital", uid="u1")
    model = at(render(meta, asked, "bcd", "sepsis-bcd", None, form), "spec", "predictor", "model")
    assert at(model, "runtime") == runtime_.name
    assert at(model, "args") == args
    env = cast("list[Manifest]", at(model, "env") or [])
    assert [each["name"] for each in env] == variables


def test_the_operators_variable_is_there_once() -> None:
    given = [EnvVar(name="MLSERVER_MODEL_NAME", value="other")]
    asked = predictor("sklearn", named="kserve-mlserver").model_copy(update={"env": given})
    meta = ObjectMeta(name="sepsis", namespace="hospital", uid="u1")
    form = form_of_live(None, asked, Runtime(None, "Variable"))
    made = render(meta, asked, "bcd", "sepsis-bcd", None, form)

    assert at(made, "spec", "predictor", "model", "env") == [
        {"name": "MLSERVER_MODEL_NAME", "value": "sepsis"}
    ]


def test_of_a_server_that_has_a_name_of_its_own_the_remedy_is_told() -> None:
    def hint(**told: Json) -> str:
        model: Manifest = {"storageUri": "pvc://models/1", **told}
        metadata: Manifest = {"labels": {"mlhops.io/model": "sepsis"}}
        return hint_of_name({"metadata": metadata, "spec": {"predictor": {"model": model}}})

    assert "folder or archive must be named sepsis" in hint()
    assert "model-settings.json" in hint(env=[{"name": "MLSERVER_MODEL_NAME", "value": "sepsis"}])
    assert hint(args=["--model_name=sepsis"]) == ""
