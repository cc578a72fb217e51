"""What goes into a model and what comes out of it, and the groups of people that gates compare."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from mlhops.api.base import Json, Resource, list_map, matching, rules
from mlhops.api.columns import Name
from mlhops.api.dates import MOMENT, Date, DateEncoding
from mlhops.tasks.task import TASKS, OutputType, TaskName

_GROUP = r"^[A-Za-z]([A-Za-z0-9_-]*[A-Za-z0-9])?$"
_TENSOR = r"^[!-~]+$"
_HEADER = r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$"

GroupName = Annotated[
    str,
    Field(
        pattern=_GROUP,
        max_length=63,
        json_schema_extra=matching(
            _GROUP,
            "start with a letter, end with a letter or digit, and use only letters, digits, _ "
            "and - "
            "in between",
        ),
    ),
]
Label = Annotated[str, Field(min_length=1, max_length=63)]
Number = Literal[
    "BOOL",
    "INT8",
    "INT16",
    "INT32",
    "INT64",
    "UINT8",
    "UINT16",
    "UINT32",
    "UINT64",
    "FP16",
    "FP32",
    "FP64",
]
Datatype = Literal[Number, "BYTES"]
"""How a value travels: the words of KServe's v2 protocol."""
Encoding = Literal["Matrix", "Columns", "Tensors"]
Protocol = Literal["v1", "v2"]
"""A version of KServe's inference protocol."""
SET: dict[str, Json] = {"x-kubernetes-list-type": "set"}
KEYED_BY_NAME: dict[str, Json] = {
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
}


class Range(
    Resource,
    json_schema_extra=rules(
        (
            "!has(self.min) || !has(self.max) || self.min < self.max",
            "min must be less than max: swap or correct them",
            ".min",
        ),
    ),
):
    """The values that a numeric feature can plausibly take."""

    min: float | None = None
    """The smallest plausible value."""
    max: float | None = None
    """The largest plausible value."""


class Feature(
    Resource,
    json_schema_extra=rules(
        (
            "!has(self.categories) || self.type != 'Numeric'",
            "categories are for Categorical and Binary features: remove them or change type",
            ".categories",
        ),
        (
            "!has(self.categories) || self.type != 'Binary' || size(self.categories) == 2",
            "a Binary feature has two categories: list both, or set type to Categorical",
            ".categories",
        ),
        (
            "!has(self.range) || self.type == 'Numeric'",
            "range is for Numeric features: remove it or set type to Numeric",
            ".range",
        ),
        (
            (
                "!has(self.datatype) || self.datatype != 'BYTES' || self.type != 'Numeric' || "
                "(has(self.date) && self.date.sentAs == 'Text')"
            ),
            "BYTES is text, but the feature is Numeric: set another datatype, or type to Categorical",
            ".datatype",
        ),
        (
            (
                "!has(self.datatype) || self.datatype == 'BYTES' || !has(self.date) || "
                "self.date.sentAs != 'Text'"
            ),
            "dates that are sent as Text travel as BYTES: remove datatype, or set sentAs to Number",
            ".datatype",
        ),
        (
            "!has(self.date) || self.type == 'Numeric'",
            "date makes numbers of dates, but the feature is not Numeric: remove it, or change type",
            ".date",
        ),
    ),
):
    """One input of the model, in the order in which the model takes them."""

    name: Name
    """The feature's name: the column of the data and the input's name in the v2 protocol."""
    type: Literal["Numeric", "Categorical", "Binary"] = "Numeric"
    """What the values are: numbers, one of several categories, or one of two."""
    unit: Label | None = None
    """The unit of measurement (UCUM where there is one), such as `mg/dL`."""
    range: Range | None = None
    """The plausible values of a Numeric feature."""
    categories: (
        Annotated[list[Label], Field(min_length=1, max_length=256, json_schema_extra=SET)] | None
    ) = None
    """The known values of a Categorical or Binary feature, each once."""
    datatype: Datatype | None = None
    """How the values travel; left out: as the column's own type (INT64, FP64, BYTES, BOOL)."""
    date: DateEncoding | None = None
    """Of a Numeric feature: held-out data hold dates, and callers send these numbers for them, or the dates as text."""
    required: bool = False
    """Whether a row without a value cannot be scored."""
    description: Annotated[str, Field(max_length=1024)] | None = None
    """What the feature is, for people."""

    @property
    def is_text_of_dates(self) -> bool:
        """Whether callers send dates as text."""
        return self.date is not None and self.date.sent_as == "Text"


_CLASSES = (
    "classes name the columns of a Probability or Score, each once, positiveClass among them: correct or remove "
    "them"
)


class Output(
    Resource,
    json_schema_extra=rules(
        (
            "!(self.type in ['Class', 'Value']) || !has(self.threshold)",
            "threshold is not for types Class and Value: remove it, or set type to Probability or Score",
            ".threshold",
        ),
        (
            (
                "self.type != 'Probability' || !has(self.threshold) || "
                "(self.threshold >= 0.0 && self.threshold <= 1.0)"
            ),
            "threshold of a Probability must be between 0 and 1; use type Score for another scale",
            ".threshold",
        ),
        (
            "!has(self.classes) || self.classes.all(a, self.classes.exists_one(b, a == b))",
            _CLASSES,
            ".classes",
        ),
        (
            "self.type == 'Value' || (!has(self.unit) && !has(self.range))",
            "unit and range are of a predicted number: remove them, or set type to Value",
        ),
    ),
):
    """The model's output, and how it becomes a decision."""

    name: Name = "probability"
    """The output's name in the v2 protocol."""
    type: OutputType = "Probability"
    """Probability is between 0 and 1, Score on any scale (higher is more positive), Class is the
    decision. Value, for task Regression, is the predicted number itself."""
    positive_class: Label = "1"
    """The label value that counts as positive, as text."""
    classes: Annotated[list[Label], Field(min_length=2, max_length=64)] | None = None
    """The classes of the answer's columns, in the server's order (scikit-learn's `classes_`). Of a Multiclass model all
    that there are, as the label column has them."""
    datatype: Datatype | None = None
    """The output's type in the v2 protocol; an answer of another one is an Error."""
    threshold: float | None = None
    """A case is called positive at this value and above."""
    unit: Label | None = None
    """Of a Value: the unit of the outcome (UCUM where there is one), such as `d` or `mm[Hg]`."""
    range: Range | None = None
    """Of a Value: the numbers that the outcome can plausibly be. Held-out outcomes beyond it are an Error."""


class Group(
    Resource,
    json_schema_extra=rules(
        (
            "has(self.feature) != has(self.header)",
            "set exactly one of feature (a column of the data) and header (a request header)",
        ),
        (
            "!has(self.bins) || !has(self.values)",
            "set bins (cut points of a number) or values (the allowed values), not both",
            ".bins",
        ),
        (
            (
                "!has(self.bins) || (self.bins.isSorted() && "
                "self.bins.all(a, self.bins.exists_one(b, a == b)))"
            ),
            "bins must go up: sort the cut points, and name each of them once",
            ".bins",
        ),
        (
            "!has(self.dateBins) || (!has(self.bins) && !has(self.values))",
            "dateBins cut dates: remove bins and values",
            ".dateBins",
        ),
        (
            (
                "!has(self.dateBins) || ("
                "self.dateBins.all(d, size(d) == 10) || self.dateBins.all(d, size(d) > 10))"
            ),
            "dateBins are all days or all moments with a time zone, as the column's dates are",
            ".dateBins",
        ),
        (
            (
                "!has(self.dateBins) || ("
                f"self.dateBins.map(d, {MOMENT.format('d')}).isSorted() && "
                "self.dateBins.all(a, self.dateBins.exists_one(b, a == b)))"
            ),
            "dateBins must go up: sort the dates, and name each of them once",
            ".dateBins",
        ),
    ),
):
    """A way to divide people into groups. A missing value is a group of its own, `Unknown`."""

    name: GroupName
    """The group's name, by which gates refer to it."""
    feature: Name | None = None
    """The column that holds the group; it need not be an input of the model."""
    header: (
        Annotated[
            str,
            Field(
                pattern=_HEADER,
                max_length=128,
                json_schema_extra=matching(
                    _HEADER, "the name of a request header has only letters, digits and -"
                ),
            ),
        ]
        | None
    ) = None
    """The request header that holds the group; in held-out data the column with the group's
    name."""
    bins: Annotated[list[float], Field(min_length=1, max_length=32)] | None = None
    """Cut points: `[40, 65]` makes `<40`, `40-65` and `>=65`."""
    date_bins: Annotated[list[Date], Field(min_length=1, max_length=32)] | None = None
    """Cut points that are dates: `[2020-01-01, 2022-01-01]` makes `<2020-01-01`, `2020-01-01/2022-01-01` and
    `>=2022-01-01`."""
    values: (
        Annotated[list[Label], Field(min_length=1, max_length=64, json_schema_extra=SET)] | None
    ) = None
    """The known values. Held-out data with any other value are an Error, never `Unknown`."""

    @property
    def column(self) -> str:
        """The column of held-out data that holds the group."""
        return self.feature or self.name


class Request(
    Resource,
    json_schema_extra=rules(
        (
            "self.encoding == 'Matrix' || (!has(self.name) && !has(self.datatype))",
            "name and datatype are for encoding Matrix: remove them",
        ),
    ),
):
    """How callers ask the model, and so the evaluator."""

    encoding: Encoding
    """Matrix: one tensor [n, features]; Columns: a data frame; Tensors: one [n, 1] for each feature."""
    name: Annotated[str, Field(pattern=_TENSOR, max_length=63)] | None = None
    """The Matrix tensor's name; `input-0` if left out."""
    datatype: Number | None = None
    """The Matrix tensor's type; FP64 if left out."""


def _answers() -> Iterator[tuple[str, str, str]]:
    """Yield the rules of which tasks answers of which types are for."""
    for task in TASKS.values():
        types = list(task.answers)
        fits = (
            f"self.output.type in {types}"
            if len(types) > 1
            else f"self.output.type == '{types[0]}'"
        )
        yield (
            f"self.task != '{task.name}' || {fits}",
            (
                f"a {task.name} model answers with {' or '.join(types)}: set output.type to that, or task to what "
                "the model predicts"
            ),
            ".output.type",
        )


class Interface(
    Resource,
    json_schema_extra=rules(
        *_answers(),
        (
            (
                "self.task == 'Multiclass' || !has(self.output.classes) || "
                "(self.output.type in ['Probability', 'Score'] && self.output.positiveClass in self.output.classes)"
            ),
            _CLASSES,
            ".output.classes",
        ),
        (
            "self.task != 'Multiclass' || has(self.output.classes)",
            (
                "classes are required: list them all, in the server's order where it answers with probabilities (of "
                "scikit-learn, the model's classes_)"
            ),
            ".output.classes",
        ),
        (
            "self.task != 'Multiclass' || !has(self.output.threshold)",
            "a Multiclass model calls the most probable class, without a threshold: remove it",
            ".output.threshold",
        ),
        (
            "self.task != 'Binary' || self.output.type == 'Class' || has(self.output.threshold)",
            (
                "threshold is required: set the operating point at which the model calls a case "
                "positive"
            ),
            ".output.threshold",
        ),
        (
            (
                "!has(self.request) || self.request.encoding != 'Matrix' || self.features.all(f, "
                "!has(f.datatype) || f.datatype == "
                "(has(self.request.datatype) ? self.request.datatype : 'FP64'))"
            ),
            "a Matrix has one datatype for all: remove it from features, or set encoding to Columns",
            ".request",
        ),
        (
            (
                "!has(self.request) || self.request.encoding != 'Matrix' || self.features.all(f, "
                "!has(f.date) || f.date.sentAs != 'Text')"
            ),
            "a Matrix is of numbers: set encoding to Columns or Tensors, or sentAs of dates to Number",
            ".request",
        ),
        (
            (
                "self.groups.all(g, !has(g.bins) || !has(g.feature) || "
                "!self.features.exists(f, f.name == g.feature && f.type != 'Numeric'))"
            ),
            (
                "bins cut numbers, but the group's feature is not Numeric: use values, or set the "
                "feature's type"
            ),
            ".groups",
        ),
    ),
):
    """The contract between the model and its callers."""

    task: TaskName = "Binary"
    """What is predicted: Binary is yes or no, Multiclass one of several classes, Regression a number. It decides which
    metrics gates may have."""
    features: Annotated[
        list[Feature],
        # The server finds a repeated name by itself: a rule over so many long names would cost too much.
        Field(min_length=1, max_length=512, json_schema_extra=KEYED_BY_NAME),
    ]
    """The model's inputs, in the order in which it takes them."""
    request: Request | None = None
    """How callers ask; left out: a Matrix of FP64 if all features are numbers, else Columns."""
    output: Output
    """What the model answers."""
    groups: Annotated[
        list[Group],
        Field(min_length=1, max_length=16, json_schema_extra=list_map("name", "groups")),
    ]
    """The groups of people that gates compare."""
