"""The effects behind the claims as a forest plot: places on a line, in per cent of its length."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from smiling.evidence import verdicts
from smiling.evidence.claims import Answer, Verdict
from smiling.evidence.verdicts import SHOWN


@dataclass(frozen=True)
class Effect:
    """A part of a claim: what it is, what was found, and where that lies; nothing where there are no runs."""

    what: str
    found: str
    effect: str
    decides: bool
    place: float | None = None
    interval: tuple[float, float] | None = None  # None of a single seed
    beyond: str = ""  # an arrow, where the effect is beyond the line's end
    tasks: Sequence[float] = ()


@dataclass(frozen=True)
class Claim:
    """A claim, its verdict in words, and its parts."""

    number: int
    claim: str
    said: str
    effects: Sequence[Effect]


def of_claims(found: Sequence[Verdict], said: Sequence[str]) -> list[Claim]:
    """All claims."""
    return [
        Claim(verdict.number, verdict.claim, words, [_effect(verdict, place) for place in range(len(verdict.answers))])
        for verdict, words in zip(found, said, strict=True)
    ]


def _effect(verdict: Verdict, number: int) -> Effect:
    answer: Answer = verdict.answers[number]
    decides = answer is verdict.deciding
    if answer.effect is None:
        return Effect(answer.part.what, verdicts.OPEN, verdicts.in_words(answer), decides)
    value, low, high = answer.effect.value, answer.effect.lower, answer.effect.upper
    return Effect(
        answer.part.what,
        verdicts.finding(verdict, number),
        verdicts.in_words(answer),
        decides,
        place(value),
        None if math.isnan(low) else (place(low), place(high)),
        "" if abs(value) <= SHOWN else "▶" if value > 0 else "◀",
        [place(each.value) for each in answer.tasks.values()] if len(answer.part.keys) > 1 else (),
    )


def place(value: float) -> float:
    """Where a difference lies on a line from -SHOWN to SHOWN, in per cent; beyond them at its ends."""
    return round(100 * (min(max(value, -SHOWN), SHOWN) + SHOWN) / (2 * SHOWN), 2)
