"""A shortfall: one field of a model that is below a standard, and the way out."""

import dataclasses
from math import inf


@dataclasses.dataclass(frozen=True, slots=True)
class StandardShortfall:
    """One field of a model that is below a standard."""

    field: str
    """The path in the model."""
    value: str
    """What stands there."""
    floor: str
    """What is asked for."""
    remedy: str
    """What to do."""
    standard: str = ""
    """The ClinicalStandard that asks."""
    strictness: float = dataclasses.field(default=inf, compare=False)
    """How much is asked: of several standards that ask for the same, the strictest is told. Infinite where that is
    no matter of more or less."""

    def __str__(self) -> str:
        """Return it as a sentence."""
        return (
            f"{self.field} is {self.value}, and ClinicalStandard {self.standard} asks for {self.floor}: "
            f"{self.remedy}"
        )
