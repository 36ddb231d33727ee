"""Verdicts on claims in words, tables and a picture."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from smiling import methods
from smiling.evidence import pages, statistics
from smiling.evidence.claims import Answer, Difference, Key, Verdict
from smiling.evidence.figure_style import COLOURS, SMALLEST, TEXT_WIDTH, task_label, title, wrapped

PLANS = (5, 10, 20)  # seeds for which the difference that would be seen is told
SHOWN = 1.5  # normalised returns to each side of zero in the picture; beyond, an arrow
ROW_HEIGHT = 0.24  # inches, of a part in the picture
OPEN, HELD, FAILED = "undecided", "holds", "fails"
PAINTS = {HELD: COLOURS["iq_learn"], FAILED: COLOURS["smiling"], OPEN: COLOURS["bc"]}


def finding(verdict: Verdict, place: int) -> str:
    """What is found of a part by itself: holds, fails or undecided."""
    if verdict.answers[place].holds:
        return HELD
    return FAILED if verdict.against[place] <= statistics.ERROR else OPEN


def effect(difference: Difference | None) -> str:
    """A difference with its interval."""
    if difference is None:
        return "no runs"
    return bounded(difference.value, difference.lower, difference.upper)


def bounded(value: float, lower: float, upper: float) -> str:
    """A difference and its interval, which nan says that there is none of."""
    if math.isnan(lower):
        return f"{value:+.2f} ({statistics.NO_INTERVAL})"
    return f"{value:+.2f} [{lower:+.2f}, {upper:+.2f}]"


def in_words(answer: Answer) -> str:
    """The difference that an answer is, or why there is none."""
    return "too few evaluations" if answer.effect is None and answer.too_short else effect(answer.effect)


def seeds(answer: Answer) -> str:
    """From how many seeds an answer is, and from how many of its tasks."""
    if not answer.scores:
        return "none"
    counts = [count for each in answer.tasks.values() for count in each.seeds]
    few, most = min(counts), max(counts)
    said = pages.counted(most, "seed") if few == most else f"{few} to {most} seeds"
    return f"{said}, {len(answer.scores)} of {len(answer.part.keys)} tasks" if len(answer.part.keys) > 1 else said


def plan(answer: Answer) -> str:
    """What so many seeds could see, and how many more would decide what is seen now."""
    if answer.effect is None:
        return ""
    now = min(answer.effect.seeds)
    if any(map(math.isnan, answer.spreads)):
        return "one seed says nothing of the spread over seeds"
    seen = float(statistics.detectable(answer.spreads, now, answer.groups))
    size = abs(answer.effect.value)
    limit = f"with {pages.counted(now, 'seed')} " + (
        "no difference would be seen" if math.isinf(seen) else f"a difference below {seen:.2g} would not be seen"
    )
    needed = answer.seeds_needed
    if needed is None:
        return f"{limit}; {size:.2g} is too small for {statistics.MOST_SEEDS} seeds"
    return f"{limit}; {needed - now} more would decide {size:.2g}" if needed > now else limit


def missing(verdict: Verdict) -> str:
    """What a verdict that is open waits for: runs, evaluations, tasks of the right sign, or seeds."""
    if verdict.verdict != OPEN:
        return ""
    answer = verdict.deciding
    waits = absent_runs([key for each in verdict.answers for key in each.absent])
    waits += dict.fromkeys(f"{each.part.what}: {why}" for each in verdict.answers for why in each.too_short)
    if answer is not None and answer.complete:
        waits.append(tasks_short(answer))
    if answer is not None:
        waits.append(plan(answer))
    return "; ".join(wait for wait in waits if wait)


def tasks_short(answer: Answer) -> str:
    """On how many tasks a difference is above zero, where it must be on more; nothing where it is on enough."""
    if answer.tasks_above >= answer.tasks_needed or answer.tasks_needed == 1:
        return ""
    return f"its mean is above zero on {answer.tasks_above} of the {answer.tasks_needed} tasks that it must be"


def absent_runs(keys: Sequence[Key]) -> list[str]:
    """Which runs there are none of, a sentence for tasks that lack the same methods."""
    lacking: dict[tuple[str, str], list[str]] = {}
    for kind, task, method in dict.fromkeys(keys):
        lacking.setdefault((kind, task), []).append(methods.label(method))
    tasks: dict[tuple[str, str], list[str]] = {}
    for (kind, task), names in lacking.items():
        tasks.setdefault((kind, ", ".join(names)), []).append(task_label(task))
    return [
        f"no runs of {names} on {', '.join(on)}{' with actions' * (kind == 'state_actions')}"
        for (kind, names), on in tasks.items()
    ]


def on_tasks(verdict: Verdict) -> str:
    """A verdict, with the names of its tasks."""
    keys = (answer.part.keys[place] for answer in verdict.answers for place in answer.scores)
    tasks = dict.fromkeys(task for each in keys for _, task, _ in each)
    return f"{verdict.verdict} ({', '.join(map(task_label, tasks))})" if tasks else "no runs"


def to_read(verdicts: Sequence[Verdict], said: Sequence[str]) -> pd.DataFrame:
    """A row for each claim; `said` are the verdicts in words. The effect is that of the part that decides."""
    rows = []
    for verdict, words in zip(verdicts, said, strict=True):
        answer = verdict.deciding
        rows.append(
            {
                "claim": verdict.number,
                "the paper says": verdict.claim,
                "verdict": words,
                "on the tasks at hand": on_tasks(verdict.at_hand),
                "decided by": answer.part.what if answer else "-",
                "effect, 95 % interval": effect(answer.effect if answer else None),
                "from": seeds(answer) if answer else "none",
                "missing": missing(verdict),
            }
        )
    return pd.DataFrame(rows)


def in_numbers(verdicts: Sequence[Verdict], said: Sequence[str]) -> pd.DataFrame:
    """A row for each part of each claim, and below it one for each of its tasks, where it has several."""
    rows = []
    for verdict, words in zip(verdicts, said, strict=True):
        for place, answer in enumerate(verdict.answers):
            if answer.effect is None or answer.test is None:
                continue
            row = {"claim": verdict.number, "verdict": words, "comparison": answer.part.what}
            rows.append({**row, **_numbers(answer.effect), **_tested(verdict, place)})
            if len(answer.part.keys) > 1:
                rows += [
                    {**row, "comparison": f"{answer.part.what}, {task}", **_numbers(each), "task": task}
                    for task, each in answer.tasks.items()
                ]
    return pd.DataFrame(rows, columns=[*COLUMNS])


NUMBERS = ("value", "lower", "upper")
TESTED = ("found", "decides", "p_above", "p_below", "p_below_holm", "how")
TASKS = ("tasks", "tasks_planned", "tasks_above", "tasks_needed")
COLUMNS = (
    *("claim", "verdict", "comparison", *NUMBERS, "task", "fewest_seeds", "most_seeds", *TESTED, *TASKS),
    *(f"detectable_with_{count}" for count in PLANS),
)


def _numbers(difference: Difference) -> dict[str, object]:
    values = difference.value, difference.lower, difference.upper
    counts = {"fewest_seeds": min(difference.seeds), "most_seeds": max(difference.seeds)}
    return {**dict(zip(NUMBERS, values, strict=True)), **counts}


def _tested(verdict: Verdict, place: int) -> dict[str, object]:
    answer = verdict.answers[place]
    assert answer.test is not None
    tested = finding(verdict, place), answer is verdict.deciding, answer.test.above, answer.test.below
    tasks = len(answer.scores), len(answer.part.keys), answer.tasks_above, answer.tasks_needed
    found: dict[str, object] = dict(zip(TESTED, (*tested, verdict.against[place], answer.test.how), strict=True))
    found |= dict(zip(TASKS, tasks, strict=True))
    seen = statistics.detectable(answer.spreads, np.array(PLANS), answer.groups)
    return found | {f"detectable_with_{count}": float(each) for count, each in zip(PLANS, seen, strict=True)}


def draw(verdicts: Sequence[Verdict], said: Sequence[str], name: str) -> Figure:
    """A forest plot: each part's effect and interval, each task's effect as a point; seven claims, one above
    another.
    """
    heights = [max(2.2, len(verdict.answers) + 0.9) for verdict in verdicts]
    image, axes = plt.subplots(
        len(verdicts),
        1,
        figsize=(TEXT_WIDTH, ROW_HEIGHT * sum(heights) + 0.8),
        sharex=True,
        layout="constrained",
        gridspec_kw={"height_ratios": heights},
        squeeze=False,
    )
    for axis, verdict, words in zip(axes[:, 0], verdicts, said, strict=True):
        _draw_claim(axis, verdict, words)
    axes[-1, 0].set_xlabel(
        "Difference in normalised return, 95 % interval\neach by itself: green holds, orange fails, grey is undecided"
    )
    title(
        image, f"The paper's claims, {name}: right of zero is what it says. Large points decide, small ones are tasks"
    )
    return image


def _draw_claim(axis: Axes, verdict: Verdict, words: str) -> None:
    axis.axvline(0, color="black", linewidth=0.8)
    for place, answer in enumerate(verdict.answers):
        row = -place
        if answer.effect is None:
            axis.text(
                0.05,
                row,
                in_words(answer),
                fontsize=SMALLEST,
                va="center",
                color=PAINTS[OPEN],
            )
            continue
        paint = PAINTS[finding(verdict, place)]
        if len(answer.part.keys) > 1:
            values = [each.value for each in answer.tasks.values()]
            axis.plot(np.clip(values, -SHOWN, SHOWN), [row - 0.28] * len(values), ".", ms=3.5, color=paint, alpha=0.7)
        _draw_effect(axis, answer.effect, row, paint, answer is verdict.deciding)
    axis.set_yticks(
        [-place for place in range(len(verdict.answers))],
        [answer.part.what for answer in verdict.answers],
        fontsize=SMALLEST,
    )
    axis.set_ylim(-len(verdict.answers) + 0.3, 0.7)
    axis.set_xlim(-SHOWN, SHOWN)
    axis.grid(False, axis="y")
    heading = f"{verdict.number}. {verdict.claim}: {words}"
    axis.set_title(wrapped(heading, TEXT_WIDTH * 0.6, SMALLEST + 1), fontsize=SMALLEST + 1, loc="left")


def _draw_effect(axis: Axes, shown: Difference, row: float, paint: str, decides: bool) -> None:
    """A point and its interval; what lies beyond the picture is an arrow with its number."""
    if abs(shown.value) > SHOWN:
        side = math.copysign(1, shown.value)
        axis.plot(side * SHOWN, row, ">" if side > 0 else "<", color=paint, ms=6, clip_on=False)
        where: dict[str, Any] = {"ha": "right" if side > 0 else "left", "va": "center", "fontsize": SMALLEST}
        axis.text(side * (SHOWN - 0.06), row, effect(shown), color=paint, **where)
        return
    if not math.isnan(shown.lower):
        axis.plot(np.clip([shown.lower, shown.upper], -SHOWN, SHOWN), [row, row], color=paint, linewidth=1.2)
    axis.plot(shown.value, row, "o", color=paint, ms=5.5 if decides else 3.5)
