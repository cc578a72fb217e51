"""A model of a number in the lab: diabetes progression after a year, with a version that a gate stops."""
