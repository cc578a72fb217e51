"""The model card: what people must know before they rely on a model."""

from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from mlhops.api.base import PRINTING, Resource, matching, rules
from mlhops.api.columns import Name
from mlhops.api.interface import KEYED_BY_NAME

Text = Annotated[str, Field(max_length=4096)]
Line = Annotated[str, Field(max_length=253)]


RiskClass = Annotated[
    Literal["I", "II", "III", "IV"],
    # No enum: the API server would refuse by it first, without a word of the scheme.
    WithJsonSchema(
        {
            "type": "string",
            "maxLength": 16,
            **rules(
                (
                    "self in ['I', 'II', 'III', 'IV']",
                    (
                        "riskClass is the IMDRF SaMD category, I, II, III or IV: write a class of the EU MDR "
                        "(such as IIa) or of the FDA into card.regulatory.status"
                    ),
                )
            ),
        }
    ),
]


class Label(Resource):
    """What the model was trained to predict."""

    definition: Text
    """How the outcome was determined."""
    proxy: bool = False
    """Whether the label stands in for what is really meant, as cost does for need of care."""


class Regulatory(Resource):
    """Where the model stands with the regulator."""

    status: Line
    """The standing, such as `Cleared` or `Research use only`, with its number where there is
    one."""
    pccp_reference: Line | None = None
    """The predetermined change control plan that allows this modification."""


class Developer(Resource):
    """Who made the model."""

    name: Annotated[Line, Field(min_length=1)]
    """The organisation or person."""
    contact: Line | None = None
    """Where they are reached."""


SensitiveKind = Literal[
    "Race",
    "Ethnicity",
    "Language",
    "Orientation",
    "GenderIdentity",
    "Sex",
    "BirthDate",
    "SDOH",
    "HealthStatus",
]
"""What an input tells of a person, in the words of 45 CFR 170.315(b)(11)(iv)(B)."""


class SensitiveInput(Resource):
    """An input, or a group that gates compare, that tells something of a person which has to be disclosed."""

    name: Name
    """Its name in `interface.features` or `interface.groups`."""
    kind: SensitiveKind
    """What it tells. SDOH: social determinants of health."""


class HeldOutData(Resource):
    """Where the held-out data of the gates come from, in words that no program can measure."""

    origin: Literal["SameSource", "External", "Local"] | None = None
    """SameSource: the source of the training data; External: another; Local: where the model serves."""
    setting: Line | None = None
    """The sites and wards."""
    period: Line | None = None
    """From when they are."""
    prepared_by: Line | None = None
    """Who has drawn and labelled them."""


class Citation(Resource):
    """A source that tells more of the model."""

    kind: Literal["Evaluation", "Trial", "Publication", "Documentation"]
    """What it is."""
    text: Annotated[Text, Field(min_length=1)]
    """How it is cited."""
    url: (
        Annotated[
            str,
            Field(
                max_length=1024,
                json_schema_extra=matching(
                    r"^https?://[^\s]+$", "write a URL like https://doi.org/10.1000/1"
                ),
            ),
        ]
        | None
    ) = None
    """Where it is found."""


class Card(Resource):
    """What a clinician must know before relying on the model (ONC HTI-1, CHAI, FDA PCCP)."""

    intended_use: Annotated[
        str,
        Field(
            min_length=1,
            max_length=4096,
            json_schema_extra=matching(PRINTING, "say what the model is for, and for whom"),
        ),
    ]
    """What the model is for."""
    users: Text | None = None
    """Who is meant to use it."""
    population: Text | None = None
    """The people whom it was made for."""
    out_of_scope: Text | None = None
    """Uses that are cautioned against."""
    risk_class: RiskClass
    """Category of the software as a medical device (IMDRF SaMD): I, II, III or IV, which is the highest. A
    class of the EU MDR or the FDA goes to `regulatory.status`."""
    owner: Annotated[
        str,
        Field(
            min_length=1,
            max_length=253,
            json_schema_extra=matching(
                PRINTING, "name the team or person who answers for the model"
            ),
        ),
    ]
    """Who answers for the model."""
    clinical_owner: Line | None = None
    """The clinician who answers for its use."""
    label: Label | None = None
    """What the model was trained to predict."""
    training_data: Text | None = None
    """Where the training data came from, from when, and who is in it."""
    limitations: Annotated[list[Text], Field(max_length=32)] = []
    """What is known not to work."""
    references: Annotated[list[Line], Field(max_length=32)] = []
    """Publications, reports and registrations."""
    regulatory: Regulatory | None = None
    """Where the model stands with the regulator."""
    developer: Developer | None = None
    """Who made the model."""
    decision_role: Literal["Informs", "Augments", "Replaces"] | None = None
    """What its output does to the decision of a clinician."""
    how_to_use: Text | None = None
    """What is done with its output, step by step."""
    model_type: Line | None = None
    """What kind of model it is, such as `gradient-boosted trees`."""
    input_source: Text | None = None
    """Where the inputs come from as it serves."""
    fairness_approach: Text | None = None
    """Why these measures, groups and limits."""
    bias_mitigation: Text | None = None
    """What was done against bias."""
    ethics: Text | None = None
    """Known biases, and what is to be weighed."""
    funding: Text | None = None
    """Who paid for its development."""
    stakeholders: Annotated[list[Line], Field(max_length=32)] = []
    """Who was consulted."""
    consent: Text | None = None
    """What patients are told or asked."""
    availability: Line | None = None
    """Where it may be used."""
    update_schedule: Text | None = None
    """How often it is revised, and how soon a risk is mended that was found."""
    test_data: HeldOutData | None = None
    """Where the held-out data come from."""
    sensitive_inputs: Annotated[
        list[SensitiveInput],
        Field(max_length=64, json_schema_extra=KEYED_BY_NAME),
    ] = []
    """Inputs and groups that tell of race, ethnicity, language, sex and the like."""
    citations: Annotated[list[Citation], Field(max_length=32)] = []
    """Sources by kind; `references` are those without one."""
