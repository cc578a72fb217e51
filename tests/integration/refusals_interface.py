"""What is refused of interfaces and exposures."""

from tests.builders import clinical_model
from tests.integration.refusal import Refusal, feature, field, group, model

INTERFACE = (
    model(
        "a feature twice",
        "spec.interface.features.-",
        {"name": "age"},
        "spec.interface.features",
        "features must each have a name of their own: rename or remove the repeated one",
    ),
    model(
        "a group twice",
        "spec.interface.groups.-",
        {"name": "sex", "feature": "gender"},
        "spec.interface.groups",
        "groups must each have a name of their own: rename or remove the repeated one",
    ),
    field("no features", "spec.interface.features", [], "should have at least 1 items"),
    field(
        "513 features",
        "spec.interface.features",
        [{"name": f"f{n}"} for n in range(513)],
        "must have at most 512 items",
    ),
    field("no groups", "spec.interface.groups", [], "should have at least 1 items"),
    feature("a feature with a blank", {"name": "heart rate"}, "rename the column", ".name"),
    feature("a feature in Greek", {"name": "ηλικία"}, "start with a letter", ".name"),
    feature("a feature without a name", {"unit": "kg"}, "Required value", ".name"),
    feature("another type", {"name": "x", "type": "Text"}, '"Numeric", "Categorical"', ".type"),
    feature(
        "categories of a number",
        {"name": "x", "categories": ["a"]},
        "remove them or change type",
        ".categories",
    ),
    feature(
        "three of two",
        {"name": "x", "type": "Binary", "categories": ["a", "b", "c"]},
        "or set type to Categorical",
        ".categories",
    ),
    feature(
        "a category twice",
        {"name": "x", "type": "Categorical", "categories": ["a", "a"]},
        'Duplicate value: "a"',
        ".categories[1]",
    ),
    feature(
        "a range of a category",
        {"name": "x", "type": "Categorical", "range": {"min": 0}},
        "or set type to Numeric",
        ".range",
    ),
    feature(
        "a range upside down",
        {"name": "x", "range": {"min": 9, "max": 1}},
        "min must be less than max",
        ".range.min",
    ),
    feature(
        "a range from a text",
        {"name": "x", "range": {"min": "NaN"}},
        "must be of type number",
        ".range.min",
    ),
    feature(
        "text of a number",
        {"name": "x", "datatype": "BYTES"},
        "set another datatype, or type to Categorical",
        ".datatype",
    ),
    feature(
        "a datatype of no protocol",
        {"name": "x", "datatype": "float"},
        '"INT64", "UINT8"',
        ".datatype",
    ),
    model(
        "a matrix with a datatype for each feature",
        "spec.interface",
        {
            "features": [{"name": "age", "datatype": "INT64"}],
            "request": {"encoding": "Matrix"},
            "output": {"threshold": 0.4},
            "groups": [{"name": "sex", "feature": "sex"}],
        },
        "spec.interface.request",
        "remove it from features, or set encoding to Columns",
    ),
    field(
        "a name for many columns",
        "spec.interface.request",
        {"encoding": "Columns", "name": "input"},
        "are for encoding Matrix: remove them",
    ),
    model(
        "a request of nothing",
        "spec.interface.request",
        {},
        "spec.interface.request.encoding",
        "Required value",
    ),
    model(
        "a class twice",
        "spec.interface.output",
        {"threshold": 0.5, "positiveClass": "died", "classes": ["died", "died"]},
        "spec.interface.output.classes",
        "each once, positiveClass among them",
    ),
    model(
        "classes without the positive one",
        "spec.interface.output",
        {"threshold": 0.5, "positiveClass": "died", "classes": ["alive", "dead"]},
        "spec.interface.output.classes",
        "positiveClass among them",
    ),
    model(
        "columns of classes",
        "spec.interface.output",
        {"type": "Class", "classes": ["0", "1"]},
        "spec.interface.output.classes",
        "name the columns of a Probability or Score",
    ),
    field("a threshold over 1", "spec.interface.output.threshold", 1.01, "between 0 and 1"),
    field("a threshold under 0", "spec.interface.output.threshold", -0.01, "between 0 and 1"),
    field("a threshold as a text", "spec.interface.output.threshold", "NaN", "of type number"),
    model(
        "no threshold",
        "spec.interface.output",
        {},
        "spec.interface.output.threshold",
        "set the operating point",
    ),
    model(
        "a threshold of a class",
        "spec.interface.output.type",
        "Class",
        "spec.interface.output.threshold",
        "remove it, or set type to Probability or Score",
    ),
    field(
        "a positive class as a number",
        "spec.interface.output.positiveClass",
        1,
        "must be of type string",
    ),
    group(
        "a group of both feature and header",
        {"name": "x", "feature": "x", "header": "x"},
        "set exactly one of feature",
    ),
    group("a group of nothing", {"name": "x"}, "set exactly one of feature"),
    group(
        "both bins and values",
        {"name": "x", "feature": "x", "bins": [1], "values": ["a"]},
        "not both",
        ".bins",
    ),
    group(
        "bins that go down",
        {"name": "x", "feature": "x", "bins": [2, 1]},
        "sort the cut points",
        ".bins",
    ),
    group(
        "a bin with nobody in it",
        {"name": "x", "feature": "x", "bins": [1, 1]},
        "name each of them once",
        ".bins",
    ),
    group("no bins", {"name": "x", "feature": "x", "bins": []}, "at least 1 items", ".bins"),
    model(
        "bins of a category",
        "spec.interface.groups.0.bins",
        [1],
        "spec.interface.groups",
        "use values, or set the feature's type",
    ),
    group(
        "a value twice",
        {"name": "x", "feature": "x", "values": ["a", "a"]},
        'Duplicate value: "a"',
        ".values[1]",
    ),
    group(
        "an empty value",
        {"name": "x", "feature": "x", "values": [""]},
        "at least 1 chars",
        ".values[0]",
    ),
    group("a group with a dot", {"name": "a.b", "feature": "x"}, "use only letters", ".name"),
    group(
        "a header that adds another",
        {"name": "x", "header": "a\r\nb: c"},
        "has only letters, digits and -",
        ".header",
    ),
)

EXPOSURE = (
    Refusal(
        "no gateway",
        clinical_model({"spec.exposure": {"mode": "Standard"}}),
        "spec.exposure.gateway",
        "gateway is required in mode Standard",
    ),
    field("another mode", "spec.exposure.mode", "RawDeployment", '"Standard", "Knative"'),
    Refusal(
        "mode Knative",
        clinical_model({"spec.exposure": {"mode": "Knative"}}),
        "spec.exposure.mode",
        "mode Knative is not supported yet: leave mode out, or set Standard",
    ),
    field("no host names", "spec.exposure.gateway.hostnames", [], "at least 1 items"),
    field("a host name in capitals", "spec.exposure.gateway.hostnames.0", "A.b", "is lower case"),
    field(
        "a host name with a scheme",
        "spec.exposure.gateway.hostnames.0",
        "https://a.example",
        "no scheme, port or path",
    ),
    field(
        "a host name with a port", "spec.exposure.gateway.hostnames.0", "a:80", "no scheme, port"
    ),
    field(
        "a host name in umlauts", "spec.exposure.gateway.hostnames.0", "ä.example", "write it like"
    ),
    model(
        "a host name twice",
        "spec.exposure.gateway.hostnames",
        ["a.example", "a.example"],
        "spec.exposure.gateway.hostnames[1]",
        'Duplicate value: "a.example"',
    ),
    field("a gateway with a slash", "spec.exposure.gateway.name", "a/b", "name an object"),
)
