"""The paper's claims (sections 6.1 to 6.3): of each the parts that it rests on, fixed before any curve was seen.

`smiling.evidence.claims` says what a part is and how it is judged; the docstring of each claim names its numbers.
"""

from collections.abc import Callable

import numpy as np

from smiling.evidence import statistics
from smiling.evidence.claims import Curves, Evidence, Part, Scores, Verdict, answer

REACHED = 0.9  # a normalised return that counts as the expert's
EARLY = 0.25  # of the steps: "at first" in claim 4
SIT = "humanoid_sit"
CHEETAH = "cheetah_run"
TASKS = ("ball_in_cup_catch", CHEETAH, "humanoid_walk", SIT, "humanoid_crawl", "humanoid_pole")  # of its Figure 3
STATES, STATE_ACTIONS = "states", "state_actions"  # the kinds of demonstrations
RIVALS = {"dac": "DAC", "iq_learn": "IQ-Learn"}


def _ends_above(mine: Curves, other: Curves) -> Scores:
    return mine.final(), other.final()


def _learns_faster(mine: Curves, other: Curves) -> Scores:
    return mine.area(), other.area()


def _reaches(mine: Curves) -> Scores:
    return mine.final() - REACHED, None


def _stays_below(mine: Curves) -> Scores:
    return REACHED - mine.final(), None


def _rises_faster(mine: Curves, other: Curves) -> Scores:
    return mine.area(EARLY), other.area(EARLY)


def _oscillates_more(mine: Curves, other: Curves) -> Scores:
    return mine.oscillation(), other.oscillation()


def _spreads_more(mine: Curves, other: Curves) -> Scores:
    """Distances of the seeds from their median (Brown and Forsythe, 1974)."""
    ends = mine.final(), other.final()
    return tuple(np.abs(each - np.median(each)) for each in ends)  # type: ignore[return-value]


def _same_order(mine: Curves, rival: Curves, mine_too: Curves, rival_too: Curves) -> Scores:
    """Ends with actions seen, times the sign of the difference without."""
    sign = np.sign(mine.final().mean() - rival.final().mean()) or 1.0
    return sign * mine_too.final(), sign * rival_too.final()


def _one_task(what: str, scores: Callable[..., Scores], task: str, *names: str) -> Part:
    return Part(what, scores, {task: [(STATES, task, name) for name in names]})


def reaching_the_expert() -> list[Part]:
    """Claim 1: SMILING's end minus 0.9, mean over all tasks but sit, and above zero on each; on sit 0.9 minus the
    end, mean over three methods, and above zero for each.
    """
    reached = {task: [(STATES, task, "smiling")] for task in TASKS if task != SIT}
    below = {method: [(STATES, SIT, method)] for method in ("smiling", *RIVALS)}
    return [
        Part(f"all but sit: SMILING - {REACHED}", _reaches, reached),
        Part(f"sit: {REACHED} - SMILING, DAC, IQ-Learn", _stays_below, below),
    ]


def ending_above_rivals() -> list[Part]:
    """Claim 2: SMILING's end minus the rival's, for each rival, mean over tasks, and above zero on five of them."""
    return [
        Part(
            f"the end, SMILING - {label}",
            _ends_above,
            {task: [(STATES, task, "smiling"), (STATES, task, rival)] for task in TASKS},
            least=len(TASKS) - 1,
        )
        for rival, label in RIVALS.items()
    ]


def converging_on_sit() -> list[Part]:
    """Claim 3: on sit the area under SMILING's curve minus that under the rival's, for each rival."""
    return [
        _one_task(f"sit: area of SMILING - {label}", _learns_faster, SIT, "smiling", rival)
        for rival, label in RIVALS.items()
    ]


def steadiness_on_cheetah() -> list[Part]:
    """Claim 4: DAC's area over the first quarter minus SMILING's, its oscillation minus SMILING's, SMILING's end
    minus its.
    """
    return [
        _one_task("cheetah: area over the first quarter, DAC - SMILING", _rises_faster, CHEETAH, "dac", "smiling"),
        _one_task("cheetah: oscillation, DAC - SMILING", _oscillates_more, CHEETAH, "dac", "smiling"),
        _one_task("cheetah: the end, SMILING - DAC", _ends_above, CHEETAH, "smiling", "dac"),
    ]


def ending_above_cloning() -> list[Part]:
    """Claim 5: the end of SMILING, and of DAC, minus BC's, mean over tasks, and above zero on each."""
    return [
        Part(
            f"the end, {label} - BC",
            _ends_above,
            {task: [(STATES, task, name), (STATES, task, "bc")] for task in TASKS},
        )
        for name, label in (("smiling", "SMILING"), ("dac", "DAC"))
    ]


def order_with_actions() -> list[Part]:
    """Claim 6: SMILING's end minus the rival's with actions, times its sign without, mean over tasks, positive on
    each.
    """
    return [
        Part(
            f"with actions, SMILING and {label} in the same order",
            _same_order,
            {
                task: [(kind, task, name) for kind in (STATES, STATE_ACTIONS) for name in ("smiling", rival)]
                for task in TASKS
            },
        )
        for rival, label in RIVALS.items()
    ]


def linear_networks() -> list[Part]:
    """Claim 7: area and end of linear SMILING minus linear DAC's, distance of DAC's seeds from their median minus
    its.
    """
    mine, other = "smiling-linear", "dac-linear"
    return [
        _one_task("linear: area, SMILING - DAC", _learns_faster, CHEETAH, mine, other),
        _one_task("linear: spread over seeds, DAC - SMILING", _spreads_more, CHEETAH, other, mine),
        _one_task("linear: the end, SMILING - DAC", _ends_above, CHEETAH, mine, other),
    ]


# In the paper's order: what is claimed, and its parts.
CLAIMS: tuple[tuple[str, Callable[[], list[Part]]], ...] = (
    ("States only: SMILING reaches the expert on every task but sit, where no method does", reaching_the_expert),
    ("States only: SMILING ends above DAC and IQ-Learn on five of six tasks", ending_above_rivals),
    ("Sit: SMILING converges faster than the others", converging_on_sit),
    ("Cheetah: DAC rises faster and later oscillates, SMILING is steadier and ends ahead", steadiness_on_cheetah),
    ("SMILING and DAC end above BC, which has seen actions", ending_above_cloning),
    ("State-action: the same ordering as with states only", order_with_actions),
    ("Linear networks on cheetah: DAC slower and more spread over seeds, SMILING ahead", linear_networks),
)


def examine(evidence: Evidence, drawn: int = statistics.DRAWN_ARRANGEMENTS) -> list[Verdict]:
    """The seven claims on the curves at hand; permutations that are too many are `drawn`."""
    return [
        Verdict(number, claim, tuple(answer(part, evidence, drawn) for part in parts()))
        for number, (claim, parts) in enumerate(CLAIMS, start=1)
    ]
