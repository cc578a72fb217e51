"""The report of an Evaluation: one HTML file for people, which asks for nothing outside itself.

It is made in two steps: `collect` takes from an evaluation all that may be told (`figures`), and
`page` writes it down. Charts and tables show no count that a status would not.
"""
