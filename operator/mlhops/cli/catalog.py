"""The list of commands, which loads none of them."""

from __future__ import annotations

from typing import NamedTuple

PROGRAM = "kubectl mlhops"


class Entry(NamedTuple):
    """A command in the list: where it is, and its help in a line, so that the list loads none of them."""

    module: str
    attribute: str
    section: str
    help: str


_LOOK, _DECIDE, _WRITE, _HELP = "See", "Decide", "Write", "Help"
COMMANDS: dict[str, Entry] = {
    "status": Entry("status", "status", _LOOK, "List models, those with problems first."),
    "get": Entry("get", "get", _LOOK, "Show one model: steps, gates, and who is waited for."),
    "explain": Entry("records", "explain", _LOOK, "Say why a model is as it is, and what helps."),
    "wait": Entry("follow", "wait", _LOOK, "Wait until a model is settled, or needs a decision."),
    "history": Entry("records", "history", _LOOK, "Show how rollouts ended, and who decided."),
    "events": Entry("records", "events", _LOOK, "List what the operator told of a model."),
    "evaluation": Entry("records", "evaluation", _LOOK, "Show what gates measured, by group."),
    "diff": Entry("diff", "diff", _LOOK, "Show what two revisions differ in."),
    "card": Entry("card", "card", _LOOK, "Write the model card of a revision."),
    "report": Entry("report", "report", _LOOK, "Get the report of an Evaluation, and check it."),
    "audit": Entry("audit", "audit", _LOOK, "Look back: timeline, export, verify."),
    "dashboard": Entry("dashboard", "dashboard", _LOOK, "Show models as web pages, live."),
    "approve": Entry("decide", "approve", _DECIDE, "Let the approve step pass."),
    "reject": Entry(
        "decide", "reject", _DECIDE, "End the attempt: the evidence does not convince."
    ),
    "promote": Entry("decide", "promote", _DECIDE, "Skip the steps that are left."),
    "abort": Entry("decide", "abort", _DECIDE, "End the attempt at weight 0."),
    "retry": Entry("decide", "retry", _DECIDE, "Begin a new attempt."),
    "pause": Entry("decide", "pause", _DECIDE, "Hold the model, whatever version comes."),
    "resume": Entry("decide", "resume", _DECIDE, "End a pause step, or a hold."),
    "override": Entry("decide", "override", _DECIDE, "Let gates pass by name, for a time."),
    "evaluate": Entry("decide", "evaluate", _DECIDE, "Measure what serves again."),
    "rollback": Entry("decide", "rollback", _DECIDE, "Go back to the version before, at once."),
    "lint": Entry("lint", "lint", _WRITE, "Say what is wrong with manifests, without a cluster."),
    "check": Entry(
        "check", "check", _HELP, "Say whether the operator is there, and what you may do."
    ),
}
