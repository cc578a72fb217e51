"""`python -m campaign.transitions` takes a serving model through every change of every field, and every mistake."""

import sys

from campaign.alone import main, parser, tell
from campaign.transitions.run import run

options = parser("campaign.transitions", __doc__)
options.add_argument("--field", action="append", default=[], help="only this leaf field")
options.add_argument("--mistake", action="append", default=[], help="only this mistake")
given = options.parse_args()
sys.exit(
    main(
        lambda plane, recorder: run(
            plane,
            recorder,
            tell,
            given.jobs,
            sample=given.sample,
            seed=given.seed,
            fields=given.field,
            mistakes=given.mistake,
        )
    )
)
