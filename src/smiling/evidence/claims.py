"""Claims about methods, as checks on normalised learning curves; `paper_claims` has the paper's.

A claim is made of parts, and every part must hold. A part is one number, fixed before any curve was seen and named in
the claim's docstring: the mean over its tasks of a difference between methods, each the mean over seeds. Its p-values
are of stratified permutations (against a fixed number: of signs), 2.5 % in each direction.

* Supported: every part is above zero, and above it on as many of its tasks as the claim has. That needs no correction
  for several parts, since each must hold (Berger, 1982).
* Contradicted: some part is below zero, by Holm's correction for the number of parts.
* Undecided otherwise, and where runs are missing that could change it.

Equal methods get a wrong verdict, either of the two, in at most 5 % of experiments: tests/evidence/test_claims.py
measures it for each claim, docs/statistics.md has the rates.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from smiling.evidence import curves, statistics
from smiling.evidence.statistics import Comparison

LATE = 2 / 3  # of the steps; "later" in claim 4
FEWEST_LATE = 3  # evaluations that can show an oscillation

Key = tuple[str, str, str]  # kind of demonstrations, task, method


class TooFewEvaluations(Exception):
    """A curve has no such score; says why."""


@dataclass(frozen=True)
class Curves:
    """Normalised curves of a method on a task: steps (n,) and values (seeds, n); one column if it takes no steps."""

    steps: np.ndarray
    values: np.ndarray

    def final(self) -> np.ndarray:
        """Mean over the last quarter of the steps, for each seed."""
        return self.values[:, 0] if len(self.steps) == 1 else curves.last_quarter(self.steps, self.values)

    def area(self, share: float = 1.0) -> np.ndarray:
        """Mean height, straight between evaluations, over the first `share` of the steps, for each seed."""
        if len(self.steps) == 1:
            return self.values[:, 0]
        end = share * self.steps[-1]
        steps = np.append(self.steps[self.steps < end], end)
        values = np.stack([np.interp(steps, self.steps, row) for row in self.values])
        return np.trapezoid(values, steps) / (steps[-1] - steps[0])

    def oscillation(self) -> np.ndarray:
        """Standard deviation over the steps of the last third, for each seed.

        Raises:
            TooFewEvaluations: if it would be of fewer than three.
        """
        late = self.steps > LATE * self.steps[-1]
        if late.sum() < FEWEST_LATE:
            raise TooFewEvaluations(f"evaluations in the last third of the steps: {late.sum()} of {FEWEST_LATE} needed")
        return self.values[:, late].std(1)


Evidence = Mapping[Key, Curves]
# From a task's curves, in the order of their keys, the scores of the one and of the other; of one alone: against zero.
Scores = tuple[np.ndarray, np.ndarray | None]


@dataclass(frozen=True)
class Part:
    """What must be above zero: the mean over tasks of differences `scores(*curves of the task's keys)`."""

    what: str
    scores: Callable[..., Scores]
    keys: Mapping[str, Sequence[Key]]  # by task; on sit in claim 1 by method
    least: int | None = None  # on how many tasks the difference must be above zero; on all, if None


@dataclass(frozen=True)
class Difference:
    """A number, its 95 % interval (nan where a seed is alone), and how many seeds it comes from."""

    value: float
    lower: float
    upper: float
    seeds: tuple[int, ...]  # of each method and task


@dataclass(frozen=True)
class Answer:
    """What the curves say of a part: the scores by task, what is missing, and the test over the tasks that there
    are.
    """

    part: Part
    scores: Mapping[str, Scores]
    absent: tuple[Key, ...]  # of which there are no runs
    too_short: tuple[str, ...]  # why a task has no such score
    test: Comparison | None = None  # None if there is no task

    @property
    def complete(self) -> bool:
        """Whether all of its tasks are there, none with a single seed: that says nothing of the next one."""
        seeds = [len(each) for pair in self.scores.values() for each in pair if each is not None]
        return self.test is not None and not self.absent and not self.too_short and min(seeds) > 1

    @property
    def effect(self) -> Difference | None:
        """The mean over the tasks that there are."""
        return _difference(*self._split) if self.scores else None

    @property
    def tasks(self) -> dict[str, Difference]:
        """Each task's part in it."""
        return {
            task: _difference([mine], [] if other is None else [other]) for task, (mine, other) in self.scores.items()
        }

    @property
    def tasks_above(self) -> int:
        """On how many tasks the difference is above zero."""
        return sum(mine.mean() > (0.0 if other is None else other.mean()) for mine, other in self.scores.values())

    @property
    def tasks_needed(self) -> int:
        """On how many it must be."""
        return len(self.part.keys) if self.part.least is None else self.part.least

    @property
    def holds(self) -> bool:
        """Above zero, on as many tasks as it must be."""
        significant = self.test is not None and self.test.above <= statistics.ERROR
        return self.complete and significant and self.tasks_above >= self.tasks_needed

    @property
    def seeds_needed(self) -> int | None:
        """The fewest with which a difference of the size that was found would be seen; None beyond `MOST_SEEDS`, and
        where a seed is alone, which says nothing of the spread.
        """
        return statistics.seeds_needed(self.spreads, self.effect.value, self.groups) if self.effect else None

    @property
    def at_hand(self) -> "Answer | None":
        """The same of those of its tasks alone of which there are all runs, as if these were all; None if there is
        none. It is to be above zero on each of them; the test is of them already.
        """
        gone = set(self.absent)
        there = {task: keys for task, keys in self.part.keys.items() if gone.isdisjoint(keys)}
        return replace(self, part=replace(self.part, keys=there, least=None), absent=()) if there else None

    @property
    def groups(self) -> int:
        """Two methods, or one against a number."""
        return 2 if self._split[1] else 1

    @property
    def spreads(self) -> list[float]:
        """Of each task the standard deviation over seeds that both methods have; nan if one has a single seed."""
        found = []
        for pair in self.scores.values():
            each = [scores for scores in pair if scores is not None]
            alone = min(map(len, each)) < 2
            found.append(np.nan if alone else float(np.sqrt(np.mean([scores.var(ddof=1) for scores in each]))))
        return found

    @property
    def _split(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The scores of the one by task, and of the other; none where the other is a number."""
        pairs = self.scores.values()
        return [mine for mine, _ in pairs], [other for _, other in pairs if other is not None]

    def tested(self, drawn: int) -> "Answer":
        """With the test, if there is a task."""
        mine, others = self._split
        if not mine:
            return self
        test = statistics.permutation_test(mine, others, drawn) if others else statistics.sign_flip_test(mine, drawn)
        return replace(self, test=test)


@dataclass(frozen=True)
class Verdict:
    """What the curves say of a claim."""

    number: int
    claim: str
    answers: Sequence[Answer] = ()

    @property
    def against(self) -> list[float]:
        """For each answer, the p-value of its being below zero, with Holm's correction; 1 where tasks are missing."""
        tests = [answer.test for answer in self.answers if answer.complete]
        adjusted = iter(statistics.holm([test.below for test in tests if test], parts=len(self.answers)))
        return [next(adjusted) if answer.complete else 1.0 for answer in self.answers]

    @property
    def verdict(self) -> str:
        """supported, contradicted or undecided."""
        if self.answers and all(answer.holds for answer in self.answers):
            return "supported"
        return "contradicted" if min(self.against, default=1.0) <= statistics.ERROR else "undecided"

    @property
    def at_hand(self) -> "Verdict":
        """On what is left of the claim on the tasks that have all its runs: parts of others drop out."""
        return replace(self, answers=tuple(kept for each in self.answers if (kept := each.at_hand)))

    @property
    def deciding(self) -> Answer | None:
        """The answer that the verdict hangs on: the one that speaks most against it, or least for it."""
        known = [answer for answer in self.answers if answer.test]
        if self.verdict == "contradicted":
            return self.answers[int(np.argmin(self.against))]
        return max(known, key=_doubt, default=None)


def _doubt(answer: Answer) -> tuple[bool, float]:
    return not answer.holds, answer.test.above if answer.test else 1.0


def answer(part: Part, evidence: Evidence, drawn: int = statistics.DRAWN_ARRANGEMENTS) -> Answer:
    """A part on the curves at hand."""
    found: dict[str, Scores] = {}
    absent: list[Key] = []
    too_short: list[str] = []
    for task, keys in part.keys.items():
        if gone := [key for key in keys if key not in evidence]:
            absent += gone
            continue
        try:
            found[task] = part.scores(*(evidence[key] for key in keys))
        except TooFewEvaluations as error:
            too_short.append(str(error))
    return Answer(part, found, tuple(absent), tuple(too_short)).tested(drawn)


def _difference(mine: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> Difference:
    """Of methods, or of one from zero."""
    seeds = tuple(len(each) for each in (*mine, *others))
    if others:
        interval = statistics.difference_interval(mine, others)
        return Difference(float(statistics.mean(mine) - statistics.mean(others)), *interval, seeds)
    return Difference(float(statistics.mean(mine)), *statistics.mean_over_tasks_interval(mine), seeds)
