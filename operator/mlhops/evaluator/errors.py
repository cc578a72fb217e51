"""How a run ends without a measurement. Messages hold no value of the data but labels of groups."""


class EvaluationError(Exception):
    """The gates could not be measured; the message says why and what to do."""


class CannotTellError(Exception):
    """The data are sound but cannot answer the question, so that every gate is inconclusive."""


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as `1 row` or `7,874 rows`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
