"""What is refused of gates, the data that they are measured on, and rollouts."""

from mlhops.api.base import Manifest
from testkit.builders import clinical_model, multiclass_model, regression_model, without
from testkit.refusal import Refusal, field, model, steps

GATE: Manifest = {
    "name": "ranks-well",
    "type": "Performance",
    "metric": "AUROC",
    "limit": 0.8,
}
QUICK: Manifest = {"name": "quick", "type": "Latency", "metric": "P99", "limit": 0.2}
FAIR: Manifest = {
    "name": "equal-misses",
    "type": "Fairness",
    "metric": "FalseNegativeRate",
    "across": {"groups": ["sex"], "intersections": [["sex", "ageBand"]]},
    "limit": 0.1,
}
GATES = "spec.evaluation.gates"
FIRST_GATE = f"{GATES}.0"

EVALUATION = (
    field("a limit over 1", f"{FIRST_GATE}.limit", 10, "write 0.1 for ten percentage points"),
    field("a limit under 0", f"{FIRST_GATE}.limit", -0.1, "limit must be between 0 and 1"),
    field("a limit as a text", f"{FIRST_GATE}.limit", "NaN", "must be of type number"),
    model(
        "no limit",
        f"{GATES}.0",
        without(FAIR, "limit"),
        f"{GATES}[0].limit",
        "limit is required: say what is still acceptable",
    ),
    model(
        "a time of nothing",
        f"{GATES}.-",
        {**QUICK, "limit": 0},
        f"{GATES}[1].limit",
        "in seconds, more than 0 and at most 3600: write 0.2 for 200 ms",
    ),
    model(
        "a time in milliseconds",
        f"{GATES}.-",
        {**QUICK, "limit": 20_000},
        f"{GATES}[1].limit",
        "limit of a Latency gate is in seconds",
    ),
    field("certainty", f"{FIRST_GATE}.confidence", 1, "between 0.5 and 0.999"),
    field("nobody positive", f"{FIRST_GATE}.minPositives", 0, "greater than or equal to 1"),
    field("a gate with a blank", f"{FIRST_GATE}.name", "a b", "use only letters, digits, _ and -"),
    model(
        "a gate twice",
        f"{GATES}.-",
        {**GATE, "name": "equal-misses"},
        GATES,
        "gates must each have a name of their own: rename or remove the repeated one",
    ),
    model("no gates", GATES, [], GATES, "at least one gate must be a required Fairness gate"),
    model("only a performance gate", GATES, [GATE], GATES, "must be a required Fairness gate"),
    model(
        "a fairness gate that is not required",
        f"{FIRST_GATE}.required",
        False,
        GATES,
        "must be a required Fairness gate",
    ),
    Refusal(
        "a fairness gate across nothing said",
        without(clinical_model(), f"{FIRST_GATE}.across"),
        f"{GATES}[0].across",
        "a Fairness gate needs across: list the groups that it compares",
    ),
    model(
        "a performance gate across groups",
        f"{GATES}.-",
        {**GATE, "across": {"groups": ["sex"]}},
        f"{GATES}[1].across",
        "across of a Performance gate goes with nonInferiority",
    ),
    model(
        "a latency gate across groups",
        f"{GATES}.-",
        {**QUICK, "across": {"groups": ["sex"]}},
        f"{GATES}[1].across",
        "set that, or remove across",
    ),
    model(
        "a fairness gate on a measure of performance",
        f"{FIRST_GATE}.metric",
        "AUPRC",
        f"{GATES}[0].metric",
        "metric of a Fairness gate must be one of FalseNegativeRate, FalsePositiveRate, ",
    ),
    model(
        "a performance gate on a rate",
        f"{GATES}.-",
        {**GATE, "metric": "SelectionRate"},
        f"{GATES}[1].metric",
        "metric of a Performance gate must be one of AUROC, AUPRC, Sensitivity, Specificity",
    ),
    model(
        "a latency gate on a rate",
        f"{GATES}.-",
        {**QUICK, "metric": "AUROC"},
        f"{GATES}[1].metric",
        "metric of a Latency gate must be one of P50, P99",
    ),
    model(
        "fairness that is not inferior",
        f"{FIRST_GATE}.nonInferiority",
        {"margin": 0.05},
        f"{GATES}[0].nonInferiority",
        "nonInferiority is for Performance gates",
    ),
    *(
        model(
            f"a margin of {margin}",
            f"{GATES}.-",
            {**GATE, "nonInferiority": {"margin": margin}},
            f"{GATES}[1].nonInferiority.margin",
            "write 0.02 for two percentage points",
        )
        for margin in (0, 1, -0.1)
    ),
    *(
        model(
            f"a performance gate with {name}",
            f"{GATES}.-",
            {**GATE, name: value},
            f"{GATES}[1]",
            "comparison, against, reference and primary are for Fairness gates: remove them",
        )
        for name, value in (("comparison", "Ratio"), ("against", "Best"), ("primary", True))
    ),
    model(
        "a ratio of areas",
        f"{GATES}.0",
        {**FAIR, "metric": "AUROC", "comparison": "Ratio"},
        f"{GATES}[0].comparison",
        "this metric is none: set comparison to Difference",
    ),
    field("a comparison of another kind", f"{FIRST_GATE}.comparison", "Odds", '"Ratio"'),
    field("against the worst", f"{FIRST_GATE}.against", "Worst", '"Reference"'),
    model(
        "a reference that is not named",
        f"{FIRST_GATE}.against",
        "Reference",
        f"{GATES}[0].reference",
        "reference goes with against: Reference: set both or neither",
    ),
    model(
        "a reference for nothing",
        f"{FIRST_GATE}.reference",
        [{"group": "sex", "value": "M"}],
        f"{GATES}[0].reference",
        "set both or neither",
    ),
    model(
        "a reference for one of two groups",
        f"{GATES}.0",
        {**FAIR, "against": "Reference", "reference": [{"group": "sex", "value": "M"}]},
        f"{GATES}[0].reference",
        "reference must name a value of every group in across: add {group, value} for each",
    ),
    model(
        "two references for one group",
        f"{GATES}.0",
        {
            **FAIR,
            "against": "Reference",
            "reference": [{"group": "sex", "value": value} for value in "MF"],
        },
        f"{GATES}[0].reference[1]",
        'Duplicate value: {"group":"sex"}',
    ),
    model(
        "a primary gate that only advises",
        f"{GATES}.-",
        {**FAIR, "name": "second", "required": False, "primary": True},
        f"{GATES}[1].primary",
        "the primary gate must be required: set required to true, or primary to false",
    ),
    model(
        "two required fairness gates, none of them primary",
        f"{GATES}.-",
        {**FAIR, "name": "second"},
        GATES,
        "exactly one is the primary measure: set primary to true for that one and no other",
    ),
    model(
        "two primary gates",
        GATES,
        [{**FAIR, "name": name, "primary": True} for name in ("first", "second")],
        GATES,
        "exactly one is the primary measure",
    ),
    field("a metric that does not exist", f"{FIRST_GATE}.metric", "Vibes", '"FalseNegativeRate"'),
    Refusal(
        "the rank of a class",
        clinical_model({"spec.interface.output": {"type": "Class"}, f"{GATES}.-": GATE}),
        GATES,
        "remove the gate, or serve a score",
    ),
    Refusal(
        "the calibration of a score",
        clinical_model(
            {
                "spec.interface.output": {"type": "Score", "threshold": 7},
                f"{GATES}.-": {**GATE, "metric": "Brier"},
            }
        ),
        GATES,
        "remove the gate, or serve a Probability",
    ),
    field("across nothing", f"{FIRST_GATE}.across", {}, "list at least one group"),
    model(
        "a group that is not declared",
        f"{FIRST_GATE}.across.groups",
        ["sex", "race"],
        GATES,
        "across.groups names a group that interface.groups does not declare: declare it there",
    ),
    model(
        "an intersection with a group that is not declared",
        f"{FIRST_GATE}.across.intersections",
        [["sex", "race"]],
        GATES,
        "across.intersections names a group that interface.groups does not declare: declare it",
    ),
    field(
        "an intersection of one group",
        f"{FIRST_GATE}.across.intersections",
        [["sex"]],
        "list a single group under groups instead",
    ),
    model(
        "an intersection of a group with itself",
        f"{FIRST_GATE}.across.intersections",
        [["sex", "sex"]],
        f"{GATES}[0].across.intersections[0][1]",
        'Duplicate value: "sex"',
    ),
    model(
        "33 gates",
        GATES,
        [{**GATE, "name": f"g{n}"} for n in range(33)],
        GATES,
        "must have at most 32 items",
    ),
    field("data of an unknown scheme", "spec.evaluation.data.uri", "ftp://a/b", "pvc://<claim>"),
    field("data without a scheme", "spec.evaluation.data.uri", "a.parquet", "must begin with"),
    field("a claim without a path", "spec.evaluation.data.uri", "pvc://claim", "name a file"),
    field("data without TLS", "spec.evaluation.data.uri", "http://a/b", "must begin with"),
    field(
        "data outside the claim",
        "spec.evaluation.data.uri",
        "pvc://claim/a/../../etc/passwd",
        "write the path in full",
    ),
    field(
        "data at the foot of the tree",
        "spec.evaluation.data.uri",
        "pvc://claim/..",
        "must not go up with ..",
    ),
    field("data with a line break", "spec.evaluation.data.uri", "s3://a/b\n", "control characters"),
    field("data in a spreadsheet", "spec.evaluation.data.format", "xlsx", '"parquet", "csv"'),
    field("a malformed digest", "spec.evaluation.data.digest", "sha256:?", "64 digits of 0-9a-f"),
    field("a negative seed", "spec.evaluation.seed", -1, "greater than or equal to 0"),
    field("a seed that is too big", "spec.evaluation.seed", 2**31, "less than or equal to"),
    field("a cell of nobody", "spec.evaluation.minCellSize", 0, "greater than or equal to 1"),
    field("a deadline at once", "spec.evaluation.deadline", "0s", "set more than 0s"),
    field("a deadline in words", "spec.evaluation.deadline", "soon", "90s, 10m, 1h30m or 7d"),
)

REGRESSION = (
    Refusal(
        "a loss of classes without probabilities",
        multiclass_model(
            {"spec.interface.output.type": "Class", f"{FIRST_GATE}.metric": "LogLoss"}
        ),
        GATES,
        "need a score, and an output of type Class has none",
    ),
    Refusal(
        "a metric of two classes for several",
        multiclass_model({f"{FIRST_GATE}.metric": "AUROC"}),
        GATES,
        "a gate has a metric that a Multiclass model has none of",
    ),
    Refusal(
        "a loss beyond all",
        multiclass_model({f"{FIRST_GATE}.metric": "LogLoss", f"{FIRST_GATE}.limit": 40}),
        f"{GATES}[0].limit",
        "limit of LogLoss is in nats",
    ),
    Refusal(
        "a metric of classes for a number",
        regression_model({f"{FIRST_GATE}.metric": "FalseNegativeRate", f"{FIRST_GATE}.limit": 0.1}),
        GATES,
        "a Regression model has none of; it has P50, P99, MAE, RMSE, Bias, R2, CalibrationSlope and WithinTolerance: "
        "change the gate's metric, or set interface.task",
    ),
    model(
        "a metric of numbers for a class",
        f"{FIRST_GATE}.metric",
        "MAE",
        GATES,
        "a gate has a metric that a Binary model has none of",
    ),
    Refusal(
        "a limit beyond all units",
        regression_model({f"{FIRST_GATE}.limit": 2_000_000}),
        f"{GATES}[0].limit",
        "limit of MAE, RMSE or Bias is in the unit of the outcome, more than 0 and at most 1000000",
    ),
    Refusal(
        "an error of nothing at most",
        regression_model({f"{FIRST_GATE}.limit": 0}),
        f"{GATES}[0].limit",
        "write 5 for five of them",
    ),
    Refusal(
        "a ratio of errors over 1",
        regression_model({f"{FIRST_GATE}.comparison": "Ratio"}),
        f"{GATES}[0].limit",
        "limit of a Ratio is at most 1: write 0.8",
    ),
    Refusal(
        "a ratio of what may be negative",
        regression_model({f"{FIRST_GATE}.metric": "Bias", f"{FIRST_GATE}.comparison": "Ratio"}),
        f"{GATES}[0].comparison",
        "set comparison to Difference",
    ),
    Refusal(
        "a share within no tolerance",
        regression_model({f"{FIRST_GATE}.metric": "WithinTolerance", f"{FIRST_GATE}.limit": 0.1}),
        f"{GATES}[0].tolerance",
        "set it for that metric, and for no other",
    ),
    Refusal(
        "a tolerance of a mean",
        regression_model({f"{FIRST_GATE}.tolerance": 2}),
        f"{GATES}[0].tolerance",
        "set it for that metric, and for no other",
    ),
    Refusal(
        "a tolerance under nothing",
        regression_model(
            {f"{FIRST_GATE}.metric": "WithinTolerance", f"{FIRST_GATE}.tolerance": -1}
        ),
        f"{GATES}[0].tolerance",
        "write 5 for errors of up to five units",
    ),
    Refusal(
        "a slope that may be anything",
        regression_model({f"{FIRST_GATE}.metric": "CalibrationSlope", f"{FIRST_GATE}.limit": 1.5}),
        f"{GATES}[0].limit",
        "write 0.2 for 0.8 to 1.2",
    ),
    Refusal(
        "a margin of a million units",
        regression_model(
            {
                f"{GATES}.-": {
                    "name": "no-worse",
                    "type": "Performance",
                    "metric": "RMSE",
                    "nonInferiority": {"margin": 1_000_000},
                }
            }
        ),
        f"{GATES}[1].nonInferiority.margin",
        "of MAE, RMSE or Bias it is in the unit of the outcome: write 2 for two of them",
    ),
    Refusal(
        "groups of fewer rows than one",
        regression_model({f"{FIRST_GATE}.minRows": 0}),
        f"{GATES}[0].minRows",
        "greater than or equal to 1",
    ),
)

ROLLOUT = (
    steps("a step with two verbs", [{"setWeight": 5, "pause": {}}], "[0]", "split it into several"),
    steps("a step with four", [{"pause": {}}, {"approve": {}, "evaluate": {}}], "[1]", "split it"),
    steps("a step with none", [{}], "[0]", "exactly one of setWeight, pause, evaluate, observe"),
    steps(
        "evidence of a pause",
        [{"pause": {}, "evidence": {}}],
        "[0].evidence",
        "put it beside a setWeight",
    ),
    steps("a step that is none", [{"setWait": 5}], "[0].setWait", "unknown field"),
    steps(
        "weights that go down",
        [{"setWeight": 50}, {"pause": {}}, {"setWeight": 10}],
        "",
        "put the steps in order",
    ),
    steps("a weight past 100", [{"setWeight": 101}], "[0].setWeight", "a number from 0 to 100"),
    steps("a negative weight", [{"setWeight": -1}], "[0].setWeight", "a number from 0 to 100"),
    steps("half a percent", [{"setWeight": 0.5}], "[0].setWeight", "must be of type integer"),
    steps("a percent sign", [{"setWeight": "10%"}], "[0].setWeight", "must be of type integer"),
    steps("33 steps", [{"pause": {}}] * 33, "", "must have at most 32 items"),
    steps(
        "a pause in words",
        [{"pause": {"duration": "a while"}}],
        "[0].pause.duration",
        "write it like 90s, 10m, 1h30m or 7d",
    ),
    steps(
        "a pause as a number",
        [{"pause": {"duration": 60}}],
        "[0].pause.duration",
        "must be of type string",
    ),
    steps(
        "a negative pause", [{"pause": {"duration": "-5m"}}], "[0].pause.duration", "whole numbers"
    ),
    steps("a pause of 1.5h", [{"pause": {"duration": "1.5h"}}], "[0].pause.duration", "1h30m"),
    field("no time to make progress", "spec.rollout.progressDeadline", "0m0s", "more than 0s"),
    field("measured every minute", "spec.evaluation.every", "1m", "set 1h or more"),
    field("another answer", "spec.evaluation.onStableFailure", "Stop", '"Alert", "Restore"'),
    field("a duration without unit", "spec.rollout.keepPrevious", "90", "units s, m, h or d"),
    field("a duration in weeks", "spec.rollout.keepPrevious", "2w", "units s, m, h or d"),
    field("an endless duration", "spec.rollout.keepPrevious", "1d" * 17, "not be more than 32"),
    field("another failure policy", "spec.rollout.onFailure", "Ignore", '"Rollback", "Pause"'),
    field("steps as nothing", "spec.rollout.steps", "none", "must be of type array"),
    field("a policy with a slash", "spec.monitoring.policyRef.name", "a/b", "name an object"),
)
