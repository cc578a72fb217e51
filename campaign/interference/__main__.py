"""`python -m campaign.interference` lets others meddle with what the operator has made."""

import sys

from campaign.alone import main, parser, tell
from campaign.interference.run import run

options = parser("campaign.interference", __doc__)
options.add_argument("--case", action="append", default=[], help="only this case")
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
            names=given.case,
        )
    )
)
