"""The model card: what people must know before they rely on a model."""

from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from mlhops.api.base import PRINTING, Resource, matching, rules

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
