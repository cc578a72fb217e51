"""How to read a report, for people who do not do statistics every day."""

GUIDE = """
<h3>A verdict</h3>
<p>Every gate compares a number with a limit that was written down before the model was measured.
A number from some people is never quite the number for all people: another draw of patients would
give a slightly different one. So each estimate comes with an <b>interval</b>, a range of values that
the data are compatible with. With 95 % confidence, a method that makes such intervals misses the
truth in at most about 1 of 20 evaluations. Where a gate looks at several groups, its intervals are
<b>simultaneous</b>: all of them hold <em>together</em> with that confidence, so that looking at many
groups does not raise false alarms. They are therefore wider than intervals for one group alone.</p>
<ul>
<li><b>Passed</b>: the whole interval lies on the acceptable side of the limit (gates that ask for
<em>Proven</em>), or at least it does not lie wholly on the wrong side (gates that ask for
<em>NotRefuted</em>). Proven means that the data show it. NotRefuted only means that the data do not
show the opposite, which little data never do.</li>
<li><b>Failed</b>: the whole interval lies on the wrong side. More data would hardly change that.</li>
<li><b>Inconclusive</b>: the limit lies within the interval, or a group is too small to judge. These
data cannot tell. It is not a pass, and it is not a finding of harm; more cases may decide it.</li>
<li><b>Error</b>: it could not be measured, which is not a pass either.</li>
</ul>
<h3>A forest plot</h3>
<p>Each line is one group. The mark is the estimate, the line through it the interval, the dashed line
the limit, and the shaded part is acceptable. If the line stays within the shaded part, the group
passes; if all of it is outside, the group fails. The shorter the line, the more is known. Its length
depends on how many people with the outcome (or without it) the group has, not on how many people.</p>
<h3>Why a group may be too small</h3>
<p>A group of which few people had the outcome can look perfect or terrible by chance. Below the
gate's minimum nothing is concluded about it, and for a Proven gate that leaves the gate Inconclusive:
what was not seen is not proven. Collect more such people, or have a clinician decide on it with open
eyes; do not merge groups merely to make the gate pass.</p>
<h3>ROC curves and calibration</h3>
<p>A <b>ROC curve</b> shows, for every possible threshold, how many people with the outcome are found
(upwards) at the price of how many false alarms (to the right). The further it bends to the upper left,
the better scores tell the two apart. A <b>calibration</b> diagram shows whether a risk of 20 % comes
true for 20 of 100 people: points on the diagonal say yes, points above it that the model
underestimates, points below it that it overestimates. A model can rank well and still be badly
calibrated, overall or for one group. The grey curve in each panel is that of everybody. These curves
are drawn for looking at, not for deciding: their intervals are for one point alone.</p>
<h3>What this report cannot tell</h3>
<ul>
<li>Whether the <b>outcome in the data is the truth</b>. If an illness is recorded less often in one
group, a model that misses it there looks better than it is. No gate can see bias in the labels.</li>
<li>Whether the people in the data are <b>like those who will be treated</b>: other hospitals, other
years, other devices.</li>
<li>Anything about <b>groups that are not recorded</b>, or not named in a gate.</li>
<li>Whether acting on the model <b>does any good</b>, and whether clinicians and patients are treated
alike after it has spoken.</li>
<li>Whether the limits are right. Those are a clinical and an ethical choice that statistics cannot
make.</li>
</ul>
"""


def privacy(smallest: int) -> str:
    """Return what is left out to protect people."""
    return (
        "<h3>What is hidden</h3><p>Counts of fewer than "
        f"{smallest} people are hidden, since they might tell about single patients. A larger count is "
        "hidden too where it would let a small one be worked out by subtraction. Curves and bars join "
        f"neighbours until each step has at least {smallest} people, and groups whose numbers are "
        "hidden have no curves.</p>"
    )
