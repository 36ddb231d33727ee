"""The paper's claims (sections 6.1 to 6.3), each as a check on normalised learning curves.

A claim is made of comparisons. A comparison holds if a bootstrap interval over seeds lies on its side of zero, fails if
the interval lies on the other side, and is open otherwise or where runs are missing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from smiling import curves, statistics

REACHED = 0.9  # a normalised return that counts as the expert's
SIT = "humanoid_sit"
CHEETAH = "cheetah_run"


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


class Examiner:
    """Collects the comparisons of a claim; what it needs and does not find is noted as missing."""

    def __init__(self, number: int, claim: str, evidence: Evidence, needed: int | None = None) -> None:
        self.verdict = Verdict(number, claim, needed=needed)
        self._evidence = evidence

    def compare(self, what: str, keys: Sequence[Key], build: Callable[..., Comparison]) -> None:
        """Add `build(what, *curves of keys)`, or note which of them are missing."""
        absent = [" ".join(key) for key in keys if key not in self._evidence]
        if absent:
            self.verdict.missing.append(f"{what}: no runs of {', '.join(absent)}")
        else:
            self.verdict.comparisons.append(build(what, *(self._evidence[key] for key in keys)))


def _ends_above(what: str, mine: Curves, other: Curves) -> Comparison:
    return above(what, mine.final(), other.final())


def _learns_faster(what: str, mine: Curves, other: Curves) -> Comparison:
    return above(what, mine.area(), other.area())


def examine(evidence: Evidence, tasks: Sequence[str]) -> list[Verdict]:
    """The seven claims on the curves at hand; `tasks` are those of the paper's Figure 3."""
    others, states, verdicts = [task for task in tasks if task != SIT], "states", []

    claim = Examiner(1, "States only: SMILING reaches the expert on every task but sit, where no method does", evidence)
    for task in others:
        claim.compare(
            f"{task}: SMILING - {REACHED}",
            [(states, task, "smiling")],
            lambda what, mine: above(what, mine.final(), REACHED),
        )
    for method in ("smiling", "dac", "iq_learn"):
        claim.compare(
            f"{SIT}: {REACHED} - {method}",
            [(states, SIT, method)],
            lambda what, mine: above(what, REACHED - mine.final(), 0.0),
        )
    verdicts.append(claim.verdict)

    claim = Examiner(2, "States only: SMILING ends above DAC and IQ-Learn on five of six tasks", evidence, needed=10)
    for task in tasks:
        for rival in ("dac", "iq_learn"):
            claim.compare(f"{task}: SMILING - {rival}", [(states, task, "smiling"), (states, task, rival)], _ends_above)
    verdicts.append(claim.verdict)

    claim = Examiner(3, "Sit: SMILING converges faster than the others", evidence)
    for rival in ("dac", "iq_learn"):
        claim.compare(
            f"{SIT}: area of SMILING - {rival}", [(states, SIT, "smiling"), (states, SIT, rival)], _learns_faster
        )
    verdicts.append(claim.verdict)

    claim = Examiner(4, "Cheetah: DAC rises faster and later oscillates, SMILING is steadier and ends ahead", evidence)
    dac_first = [(states, CHEETAH, "dac"), (states, CHEETAH, "smiling")]
    claim.compare(
        "area over the first quarter, DAC - SMILING",
        dac_first,
        lambda what, a, b: above(what, a.area(0.25), b.area(0.25)),
    )
    claim.compare(
        "oscillation over the last third, DAC - SMILING",
        dac_first,
        lambda what, a, b: above(what, a.oscillation(), b.oscillation()),
    )
    claim.compare("the end, SMILING - DAC", dac_first[::-1], _ends_above)
    verdicts.append(claim.verdict)

    claim = Examiner(5, "SMILING and DAC end above BC, which has seen actions", evidence)
    for task in tasks:
        for method in ("smiling", "dac"):
            claim.compare(f"{task}: {method} - BC", [(states, task, method), (states, task, "bc")], _ends_above)
    verdicts.append(claim.verdict)

    claim = Examiner(6, "State-action: the same ordering as with states only", evidence)
    for task in tasks:
        for rival in ("dac", "iq_learn"):
            pair = [(kind, task, name) for kind in (states, "state_actions") for name in ("smiling", rival)]
            claim.compare(f"{task}: SMILING and {rival} in the same order", pair, _same_order)
    verdicts.append(claim.verdict)

    claim = Examiner(7, "Linear networks on cheetah: DAC slower and more spread over seeds, SMILING ahead", evidence)
    linear = [(states, CHEETAH, "smiling-linear"), (states, CHEETAH, "dac-linear")]
    claim.compare("area, linear SMILING - linear DAC", linear, _learns_faster)
    claim.compare(
        "spread over seeds at the end, linear DAC - linear SMILING",
        linear[::-1],
        lambda what, a, b: more_spread(what, a.final(), b.final()),
    )
    claim.compare("the end, linear SMILING - linear DAC", linear, _ends_above)
    verdicts.append(claim.verdict)
    return verdicts


def _same_order(what: str, mine: Curves, rival: Curves, mine_too: Curves, rival_too: Curves) -> Comparison:
    """Difference with actions seen, times the sign of the difference without."""
    sign = np.sign(mine.final().mean() - rival.final().mean()) or 1.0
    return above(what, sign * mine_too.final(), sign * rival_too.final())
