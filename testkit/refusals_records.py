"""What is refused of Decisions and Evaluations."""

from testkit.builders import decision, evaluation, override, without
from testkit.refusal import given

DECISIONS = (
    given(
        "an override without gates",
        without(override(), "spec.gates"),
        "spec.gates",
        "action Override needs gates",
    ),
    given(
        "what Failed with another action",
        decision({"spec.failed": True}),
        "spec.failed",
        "only action Override takes failed",
    ),
    *(
        given(
            f"{field} of {len(value)} characters",
            decision({f"spec.{field}": value}),
            f"spec.{field}",
            "copy it whole from status.candidate",
        )
        for field, value in (
            ("digest", "6b86b273ff"),
            ("gatesHash", "G" * 64),
            ("stepsHash", ""),
        )
    ),
    given(
        "gates with another action",
        decision({"spec.gates": ["equal-misses"]}),
        "spec.gates",
        "only action Override takes gates",
    ),
    given(
        "an end with another action",
        decision({"spec.expires": "2030-01-31T12:00:00Z"}),
        "spec.expires",
        "only action Override takes expires",
    ),
    given("no gates", override({"spec.gates": []}), "spec.gates", "should have at least 1 items"),
    given(
        "a gate twice",
        override({"spec.gates": ["a", "a"]}),
        "spec.gates[1]",
        'Duplicate value: "a"',
    ),
    given("another action", decision({"spec.action": "Bless"}), "spec.action", '"Approve"'),
    given("a blank reason", decision({"spec.reason": " \t"}), "spec.reason", "say why"),
    given(
        "nobody who decides", decision({"spec.decidedBy": " "}), "spec.decidedBy", "name the person"
    ),
    given(
        "a name in two lines",
        decision({"spec.decidedBy": "ada\nbob"}),
        "spec.decidedBy",
        "in one line",
    ),
    given(
        "a model that cannot be one",
        decision({"spec.model": "Sepsis"}),
        "spec.model",
        "name an object of the cluster",
    ),
    *(
        given(
            f"an end of {moment}",
            override({"spec.expires": moment}),
            "spec.expires",
            "such as 2030-01-31T12:00:00Z",
        )
        for moment in (
            "tomorrow",
            "2030-01-31",
            "2030-01-31T12:00:00",
            "2030-02-31T12:00:00Z",
            "2030-01-31T25:00:00Z",
            "2030-01-31T12:00:00+99:00",
            "9999-12-31T23:59:59-10:00",
            "2030-01-31t12:00:00z",
            "",
        )
    ),
)

OTHERS = (
    given(
        "an intersection of one group",
        evaluation({"spec.gates.0.across.intersections": [["sex"]]}),
        "spec.gates[0].across.intersections",
        "list a single group under groups instead",
    ),
    given(
        "no endpoint",
        without(evaluation(), "spec.endpoint"),
        "spec.endpoint",
        "Required value",
    ),
    given(
        "a threshold over 1",
        evaluation({"spec.interface.output.threshold": 2}),
        "spec.interface.output.threshold",
        "between 0 and 1",
    ),
)
