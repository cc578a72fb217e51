"""What is refused of MonitoringPolicies."""

from mlhops.api.base import Json, Manifest
from testkit.builders import monitoring_policy
from testkit.refusal import Refusal, given


def _policy(what: str, change: str, value: Json, remedy: str, below: str = "") -> Refusal:
    return given(what, monitoring_policy({change: value}), f"{change}{below}", remedy)


def _action(what: str, changes: Manifest, remedy: str, below: str = "") -> Refusal:
    action: Manifest = {"name": "a", "type": "Notify", "when": ["Drift"], **changes}
    return _policy(what, "spec.actions", [action], remedy, f"[0]{below}")


def _sink(what: str, sink: str) -> Refusal:
    remedy = "sink is a URL that begins with http:// or https://"
    return _action(what, {"notify": {"sink": sink}}, remedy, ".notify.sink")


def _template(what: str, template: Json, remedy: str, below: str) -> Refusal:
    retrain: Manifest = {"type": "Retrain", "retrain": {"template": template}}
    return _action(what, retrain, remedy, f".retrain.template{below}")


def _alibi(
    what: str, engine: str, asked: Manifest, remedy: str, below: str = ".alibi.detectors"
) -> Refusal:
    return _policy(what, "spec.drift", {"engine": engine, "alibi": asked}, remedy, below)


def _length(length: str) -> Refusal:
    windows: Json = [{"name": "w", "length": length}]
    remedy = "rows are counted by the minute: set 1m or more"
    what = f"a window of {length}"
    return _policy(what, "spec.drift.windows", windows, remedy, "[0].length")


_NO_CONTAINERS: Manifest = {"template": {"spec": {"containers": []}}}

POLICY = (
    given(
        "a field that does not exist",
        monitoring_policy({"spec.alerts": []}),
        "spec.alerts",
        "unknown field",
    ),
    _policy("an engine that nobody has built", "spec.drift.engine", "River", "AlibiDetect"),
    _alibi(
        "alibi-detect asked of the native engine", "Native", {}, "alibi is for engine", ".alibi"
    ),
    _alibi("alibi-detect asked nothing", "AlibiDetect", {"detectors": []}, "at least 1 items"),
    _alibi(
        "alibi-detect asked the same twice",
        "AlibiDetect",
        {"detectors": [{"type": "KSDrift"}, {"type": "KSDrift"}]},
        "detectors must each have a type of their own",
    ),
    _alibi(
        "a detector that runs what it is given",
        "AlibiDetect",
        {"detectors": [{"type": "load_detector"}]},
        "TabularDrift",
        ".alibi.detectors[0].type",
    ),
    _alibi(
        "alibi-detect asked of nothing but the pod's own past",
        "AlibiDetect",
        {"detectors": [{"type": "ClassifierDrift"}, {"type": "MMDDrift"}]},
        "name one more detector, such as TabularDrift",
    ),
    given(
        "more rows than whole ones are compared",
        monitoring_policy(
            {
                "spec.drift": {
                    "engine": "AlibiDetect",
                    "alibi": {"detectors": [{"type": "KSDrift"}, {"type": "ClassifierDrift"}]},
                    "minRows": 501,
                }
            }
        ),
        "spec.drift.minRows",
        "set minRows to that or less",
    ),
    _alibi("too few rows for a test", "AlibiDetect", {"rows": 99}, "100", ".alibi.rows"),
    given(
        "fewer rows than a verdict needs",
        monitoring_policy({"spec.drift": {"engine": "AlibiDetect", "minRows": 1001}}),
        "spec.drift.minRows",
        "must be at least minRows",
    ),
    *(_length(length) for length in ("0d", "0s", "59s", "0m59s", "007s", "30s30s")),
    _policy("no window", "spec.drift.windows", [], "at least 1 items"),
    _policy(
        "two windows of one name",
        "spec.drift.windows",
        [{"name": "w", "length": "1h"}, {"name": "w", "length": "2h"}],
        "windows must each have a name of their own",
    ),
    _policy("a look all the time", "spec.drift.every", "9s", "set 10s or more"),
    _policy(
        "a budget for no time", "spec.drift.falseAlarms", {"per": "0d"}, "more than 0s", ".per"
    ),
    _policy("no false alarms at all", "spec.drift.falseAlarms.atMost", 0, "must be more than 0"),
    _policy("categories by their order", "spec.drift.categorical", ["KS"], "ChiSquare", "[0]"),
    _policy(
        "3 of 2", "spec.drift.for", {"atLeast": 3, "of": 2}, "set it to of at most", ".atLeast"
    ),
    _policy("an effect below nothing", "spec.drift.effects", {"KS": -0.1}, "than or equal", ".KS"),
    _policy(
        "a test that does not exist", "spec.drift.effects", {"AD": 0.1}, "unknown field", ".AD"
    ),
    _policy("a share over 1", "spec.dataQuality.missing", 5, "less than or equal to 1"),
    given(
        "verdicts on fewer people than may be shown",
        monitoring_policy({"spec.drift.minRows": 5}),
        "spec",
        "minRows must be at least privacy.minCellSize",
    ),
    given(
        "comparisons of fewer people than may be shown",
        monitoring_policy({"spec.privacy.minCellSize": 60}),
        "spec",
        "minRows must be at least privacy.minCellSize",
    ),
    _policy(
        "two actions of one name",
        "spec.actions",
        [{"name": "a", "type": kind, "when": ["Drift"]} for kind in ("Notify", "Rollback")],
        "actions must each have a name of their own",
    ),
    _action("an action all the time", {"cooldown": "59s"}, "not done more often", ".cooldown"),
    _action("an answer to nothing", {"when": []}, "at least 1 items", ".when"),
    _action("an answer to the same twice", {"when": ["Drift", "Drift"]}, "Duplicate", ".when[1]"),
    _action(
        "a Job to notify",
        {"retrain": {"template": _NO_CONTAINERS}},
        "at least 1 items",
        ".retrain.template.template.spec.containers",
    ),
    _action("a retraining without a Job", {"type": "Retrain"}, "needs the template", ".retrain"),
    _action(
        "a sink to retrain",
        {"type": "Rollback", "notify": {}},
        "notify is for type Notify",
        ".notify",
    ),
    _sink("a sink that is a file", "file:///etc/passwd"),
    _sink("a sink without a host", "http:///a"),
    _sink("a sink with a password", "https://ada:secret@alerts.example/"),
    _template("a Job without a pod", {}, "Required value", ".template"),
    _template(
        "a pod without containers",
        {"template": {"spec": {}}},
        "Required value",
        ".template.spec.containers",
    ),
)
