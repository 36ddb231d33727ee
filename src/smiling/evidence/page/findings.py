"""What was asked and what was found, in a few sentences: of the claims, and of the scores at the end."""

from collections.abc import Iterable, Sequence

import pandas as pd

from smiling import methods
from smiling.evidence import examination, pages, summaries, verdicts
from smiling.evidence.examination import Examination
from smiling.evidence.figure_style import task_label
from smiling.evidence.summaries import bounded
from smiling.experiment import ExperimentSettings

SIGNIFICANT = 0.05  # of p-values, two-sided, corrected for all pairs
SETTLED = ("supported", "contradicted")


def asked(settings: ExperimentSettings) -> str:
    """The question."""
    tasks, names = settings.task_names(), [methods.label(name) for name in settings.methods]
    counts = sorted({len(settings.seeds_of(task)) for task in tasks})
    seeds = pages.counted(counts[0], "seed") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds"
    return (
        f"Asked: how near {listed(names)} come to the expert whose demonstrations they learn from, on "
        f"{pages.counted(len(tasks), 'task')} ({listed(map(task_label, tasks))}), "
        f"with {seeds} each, at {settings.named}."
    )


def on_claims(examined: Examination) -> list[str]:
    """How many of the paper's claims are settled, each that is, and what the curves would say of the others."""
    if all(words == examination.DOES_NOT_APPLY for words in examined.said):
        return ["None of the paper's claims is about these tasks."]
    by_words: dict[str, list[int]] = {}
    for verdict, words in zip(examined.verdicts, examined.said, strict=True):
        by_words.setdefault(words, []).append(verdict.number)
    counts = [f"{len(numbers)} {words} ({listed(map(str, numbers))})" for words, numbers in by_words.items()]
    claims = f"the paper's {len(examined.verdicts)} claims"
    said = [f"Of {claims}: {listed(counts)}." if len(counts) > 1 else f"All of {claims} are {next(iter(by_words))}."]
    if examined.shortfalls:
        said.append(f"This is not the paper's experiment, so that it settles none: {'; '.join(examined.shortfalls)}.")
    for verdict, words in zip(examined.verdicts, examined.said, strict=True):
        if verdict.verdict in SETTLED and (answer := verdict.deciding):
            found = f"{answer.part.what} is {verdicts.effect(answer.effect)}"
            said.append(f"Claim {verdict.number}, “{verdict.claim}”: {words}; {found}.")
    return said + on_tasks_at_hand(examined) + nearest(examined)


def on_tasks_at_hand(examined: Examination) -> list[str]:
    """Which of the claims the tasks at hand alone would support or contradict, where they have others too."""
    partly = [
        (left.verdict, whole.number) for whole in examined.verdicts if (left := whole.at_hand).verdict != whole.verdict
    ]
    found = [(words, [str(number) for each, number in partly if each == words]) for words in SETTLED]
    told = [f"claim{'s' * (len(numbers) > 1)} {listed(numbers)} {words}" for words, numbers in found if numbers]
    return [f"The tasks at hand alone, at this scale, would have {listed(told)}."] if told else []


def nearest(examined: Examination) -> list[str]:
    """Of the claims that are open the one whose deciding part is least probable by chance."""
    tested = [
        (min(answer.test.above, answer.test.below), verdict, answer)
        for verdict in examined.verdicts
        if verdict.verdict not in SETTLED and (answer := verdict.deciding) and answer.test
    ]
    if not tested:
        return []
    _, verdict, answer = min(tested, key=lambda each: each[0])
    found = f"{answer.part.what} is {verdicts.effect(answer.effect)}, from {verdicts.seeds(answer)}"
    return [f"Of those that are undecided, claim {verdict.number} is the nearest to a verdict: {found}."]


def on_scores(scores: pd.DataFrame, not_normalised: Sequence[str]) -> list[str]:
    """Means at the end on each of the tasks that all methods share and over all of them, and which pairs differ."""
    tasks = summaries.shared_tasks(scores, not_normalised)
    if not tasks:
        return [f"Methods cannot be averaged over tasks: {summaries.NOTHING_SHARED} can be normalised."]
    said = ["At the end, as normalised returns (the expert is 1, random actions 0):"]
    said += [f"On {task_label(task)}: {best_first(scores[scores['task'] == task])}" for task in tasks]
    if len(tasks) > 1:
        said.append(f"On the mean of {len(tasks)} tasks: {best_first(scores[scores['task'].isin(tasks)])}")
    return said


def best_first(scores: pd.DataFrame) -> str:
    """Means at the end, and what of them is told apart."""
    table = summaries.method_table(scores).sort_values("final_mean", ascending=False)
    means = [f"{methods.label(row['method'])} {bounded(row, 'final_mean')}" for _, row in table.iterrows()]
    return f"{', '.join(means)}. {' '.join(on_pairs(summaries.difference_table(scores)))}".strip()


def on_pairs(table: pd.DataFrame) -> list[str]:
    """Which pairs of methods differ, by Holm's correction for all of them."""
    if table.empty:
        return []
    apart = table[(table["p"] <= SIGNIFICANT) & (table["difference"] > 0)]
    if apart.empty:
        return ["The test tells no two methods apart, which does not show that they are equal."]
    pairs = [f"{methods.label(row['method'])} above {methods.label(row['other'])}" for _, row in apart.iterrows()]
    return [f"The test tells apart: {listed(pairs)}; the other pairs it does not."]


def listed(names: Iterable[str]) -> str:
    """'A', 'A and B', 'A, B and C'."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
