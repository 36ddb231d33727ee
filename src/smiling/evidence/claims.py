"""The paper's claims (sections 6.1 to 6.3), each as a check on normalised learning curves.

A claim is made of comparisons. A comparison holds if a bootstrap interval over seeds lies on its side of zero, fails if
the interval lies on the other side, and is open otherwise or where runs are missing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from smiling.evidence import curves, statistics

REACHED = 0.9  # a normalised return that counts as the expert's
SIT = "humanoid_sit"
CHEETAH = "cheetah_run"
STATES = "states"  # the kind of demonstrations
RIVALS = ("dac", "iq_learn")


@dataclass(frozen=True)
class Curves:
    """Normalised curves of a method on a task: steps (n,) and values (seeds, n); one column if it takes no steps."""

    steps: np.ndarray
    values: np.ndarray

    def final(self) -> np.ndarray:
        """Mean over the last quarter of the steps, for each seed."""
        return self.values[:, 0] if len(self.steps) == 1 else curves.last_quarter(self.steps, self.values)

    def area(self, share: float = 1.0) -> np.ndarray:
        """Area under the curve over the first `share` of the steps, for each seed, divided by their number."""
        if len(self.steps) == 1:
            return self.values[:, 0]
        early = self.steps <= share * self.steps[-1]
        steps, values = self.steps[early], self.values[:, early]
        return np.trapezoid(values, steps) / (steps[-1] - steps[0])

    def oscillation(self, after: float = 2 / 3) -> np.ndarray:
        """Standard deviation over the steps after a share of them, for each seed."""
        return self.values[:, self.steps > after * self.steps[-1]].std(1)


Key = tuple[str, str, str]  # kind of demonstrations, task, method
Evidence = dict[Key, Curves]


@dataclass(frozen=True)
class Comparison:
    """One number, its interval, and whether it lies above zero."""

    what: str
    value: float
    lower: float
    upper: float

    @property
    def holds(self) -> bool | None:
        """True above zero, False below, None where the interval has zero in it."""
        return True if self.lower > 0 else False if self.upper < 0 else None


@dataclass
class Verdict:
    """What the curves say of a claim."""

    number: int
    claim: str
    comparisons: list[Comparison] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    needed: int | None = None  # how many comparisons must hold; all, if None

    @property
    def verdict(self) -> str:
        """supported, contradicted or undecided."""
        total = len(self.comparisons) + len(self.missing)
        needed = total if self.needed is None else self.needed
        held = sum(item.holds is True for item in self.comparisons)
        failed = sum(item.holds is False for item in self.comparisons)
        if total and held >= needed:
            return "supported"
        return "contradicted" if failed > total - needed else "undecided"


def above(what: str, mine: np.ndarray, other: np.ndarray | float) -> Comparison:
    """Mean of `mine` minus mean of `other`, each over seeds; or minus a number."""
    if isinstance(other, float):
        lower, upper = statistics.interval(statistics.mean, [mine])
        return Comparison(what, float(mine.mean()) - other, float(lower) - other, float(upper) - other)

    def difference(first: statistics.Scores, second: statistics.Scores) -> float:
        return statistics.mean(first) - statistics.mean(second)

    lower, upper = statistics.interval(difference, [mine], [other])
    return Comparison(what, float(mine.mean() - other.mean()), float(lower), float(upper))


def more_spread(what: str, mine: np.ndarray, other: np.ndarray) -> Comparison:
    """Standard deviation over seeds of `mine` minus that of `other`."""

    def difference(first: statistics.Scores, second: statistics.Scores) -> float:
        return float(first[0].std() - second[0].std())

    lower, upper = statistics.interval(difference, [mine], [other])
    return Comparison(what, difference([mine], [other]), float(lower), float(upper))


@dataclass(frozen=True)
class Question:
    """A comparison that a claim is made of, `build(what, *curves of keys)`."""

    what: str
    keys: Sequence[Key]
    build: Callable[..., Comparison]


def _ends_above(what: str, mine: Curves, other: Curves) -> Comparison:
    return above(what, mine.final(), other.final())


def _learns_faster(what: str, mine: Curves, other: Curves) -> Comparison:
    return above(what, mine.area(), other.area())


def _reaches(what: str, mine: Curves) -> Comparison:
    return above(what, mine.final(), REACHED)


def _stays_below(what: str, mine: Curves) -> Comparison:
    return above(what, REACHED - mine.final(), 0.0)


def _rises_faster(what: str, mine: Curves, other: Curves) -> Comparison:
    return above(what, mine.area(0.25), other.area(0.25))


def _oscillates_more(what: str, mine: Curves, other: Curves) -> Comparison:
    return above(what, mine.oscillation(), other.oscillation())


def _spreads_more(what: str, mine: Curves, other: Curves) -> Comparison:
    return more_spread(what, mine.final(), other.final())


def _same_order(what: str, mine: Curves, rival: Curves, mine_too: Curves, rival_too: Curves) -> Comparison:
    """Difference with actions seen, times the sign of the difference without."""
    sign = np.sign(mine.final().mean() - rival.final().mean()) or 1.0
    return above(what, sign * mine_too.final(), sign * rival_too.final())


def reaching_the_expert(tasks: Sequence[str]) -> list[Question]:
    """Of claim 1."""
    others = [task for task in tasks if task != SIT]
    reached = [Question(f"{task}: SMILING - {REACHED}", [(STATES, task, "smiling")], _reaches) for task in others]
    return reached + [
        Question(f"{SIT}: {REACHED} - {method}", [(STATES, SIT, method)], _stays_below)
        for method in ("smiling", *RIVALS)
    ]


def ending_above_rivals(tasks: Sequence[str]) -> list[Question]:
    """Of claim 2."""
    return [
        Question(f"{task}: SMILING - {rival}", [(STATES, task, "smiling"), (STATES, task, rival)], _ends_above)
        for task in tasks
        for rival in RIVALS
    ]


def converging_on_sit(_: Sequence[str]) -> list[Question]:
    """Of claim 3."""
    return [
        Question(f"{SIT}: area of SMILING - {rival}", [(STATES, SIT, "smiling"), (STATES, SIT, rival)], _learns_faster)
        for rival in RIVALS
    ]


def steadiness_on_cheetah(_: Sequence[str]) -> list[Question]:
    """Of claim 4."""
    dac, smiling = (STATES, CHEETAH, "dac"), (STATES, CHEETAH, "smiling")
    return [
        Question("area over the first quarter, DAC - SMILING", [dac, smiling], _rises_faster),
        Question("oscillation over the last third, DAC - SMILING", [dac, smiling], _oscillates_more),
        Question("the end, SMILING - DAC", [smiling, dac], _ends_above),
    ]


def ending_above_cloning(tasks: Sequence[str]) -> list[Question]:
    """Of claim 5."""
    return [
        Question(f"{task}: {method} - BC", [(STATES, task, method), (STATES, task, "bc")], _ends_above)
        for task in tasks
        for method in ("smiling", "dac")
    ]


def order_with_actions(tasks: Sequence[str]) -> list[Question]:
    """Of claim 6."""
    questions = []
    for task in tasks:
        for rival in RIVALS:
            pair = [(kind, task, name) for kind in (STATES, "state_actions") for name in ("smiling", rival)]
            questions.append(Question(f"{task}: SMILING and {rival} in the same order", pair, _same_order))
    return questions


def linear_networks(_: Sequence[str]) -> list[Question]:
    """Of claim 7."""
    dac, smiling = (STATES, CHEETAH, "dac-linear"), (STATES, CHEETAH, "smiling-linear")
    return [
        Question("area, linear SMILING - linear DAC", [smiling, dac], _learns_faster),
        Question("spread over seeds at the end, linear DAC - linear SMILING", [dac, smiling], _spreads_more),
        Question("the end, linear SMILING - linear DAC", [smiling, dac], _ends_above),
    ]


# In the paper's order: what is claimed, its questions, and how many of them must hold; all, if None.
CLAIMS: tuple[tuple[str, Callable[[Sequence[str]], list[Question]], int | None], ...] = (
    ("States only: SMILING reaches the expert on every task but sit, where no method does", reaching_the_expert, None),
    ("States only: SMILING ends above DAC and IQ-Learn on five of six tasks", ending_above_rivals, 10),
    ("Sit: SMILING converges faster than the others", converging_on_sit, None),
    (
        "Cheetah: DAC rises faster and later oscillates, SMILING is steadier and ends ahead",
        steadiness_on_cheetah,
        None,
    ),
    ("SMILING and DAC end above BC, which has seen actions", ending_above_cloning, None),
    ("State-action: the same ordering as with states only", order_with_actions, None),
    (
        "Linear networks on cheetah: DAC slower and more spread over seeds, SMILING ahead",
        linear_networks,
        None,
    ),
)


def examine(evidence: Evidence, tasks: Sequence[str]) -> list[Verdict]:
    """The seven claims on the curves at hand; `tasks` are those of the paper's Figure 3."""
    return [
        _verdict(Verdict(number, claim, needed=needed), questions(tasks), evidence)
        for number, (claim, questions, needed) in enumerate(CLAIMS, start=1)
    ]


def _verdict(verdict: Verdict, questions: Sequence[Question], evidence: Evidence) -> Verdict:
    """`verdict` with its comparisons; what they need and is not there is noted as missing."""
    for question in questions:
        absent = [" ".join(key) for key in question.keys if key not in evidence]
        if absent:
            verdict.missing.append(f"{question.what}: no runs of {', '.join(absent)}")
        else:
            verdict.comparisons.append(question.build(question.what, *(evidence[key] for key in question.keys)))
    return verdict
