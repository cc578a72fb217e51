"""How a run ends without a measurement. Messages hold no value of the data but those of groups that are not few."""

from collections.abc import Callable


class EvaluationError(Exception):
    """The gates could not be measured; the message says why and what to do."""


class RefusedError(EvaluationError):
    """The model server answers a request with an error."""


class UnavailableError(EvaluationError):
    """Something did not answer or broke off: the same may go well another time, with nothing changed."""


class WrongValuesError(EvaluationError):
    """Values of one column are wrong, in so many of the rows that were looked at."""

    def __init__(self, column: str, number: int, tell: Callable[[int], str]) -> None:
        """Take the column, how many values are wrong, and what is said of a number of them."""
        super().__init__(tell(number))
        self.column = column
        self.number = number
        self.tell = tell


class CannotTellError(Exception):
    """The data are sound but cannot answer the question, so that every gate is inconclusive."""


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as `1 row` or `7,874 rows`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
