"""Claims on curves whose truth is known."""

import numpy as np
import pytest

from smiling.evidence.claims import Comparison, Curves, Verdict, above, examine

pytestmark = pytest.mark.long

TASKS = ("ball_in_cup_catch", "cheetah_run", "humanoid_walk", "humanoid_sit", "humanoid_crawl", "humanoid_pole")
STEPS = np.arange(0, 101, 5)


def rising(height: float, rate: float = 20.0, swing: float = 0.0, spread: float = 0.01) -> Curves:
    """Five seeds that rise to `height`; late, they swing."""
    random = np.random.default_rng(int(1000 * height + rate))
    values = height * (1 - np.exp(-STEPS / rate)) + swing * np.sin(STEPS) * (STEPS > 50)
    return Curves(STEPS, values + spread * random.normal(size=(5, 1)))


def level(height: float) -> Curves:
    return Curves(np.zeros(1, int), height + 0.01 * np.random.default_rng(0).normal(size=(5, 1)))


def as_the_paper_has_it() -> dict[tuple[str, str, str], Curves]:
    """Curves that the paper's figures would give."""
    found = {}
    for task in TASKS:
        top = 0.7 if task == "humanoid_sit" else 1.0
        for kind in ("states", "state_actions"):
            found[kind, task, "smiling"] = rising(top, rate=10)
            found[kind, task, "dac"] = rising(0.7 * top, rate=20)
            found[kind, task, "iq_learn"] = rising(0.3 * top, rate=20)
        found["states", task, "bc"] = level(0.1)
    found["states", "cheetah_run", "dac"] = rising(0.8, rate=3, swing=0.1)
    found["states", "cheetah_run", "smiling"] = rising(1.0, rate=12)
    found["states", "cheetah_run", "smiling-linear"] = rising(0.9, rate=10)
    found["states", "cheetah_run", "dac-linear"] = rising(0.4, rate=30, spread=0.2)
    return found


def test_the_papers_own_curves_support_all_its_claims():
    verdicts = examine(as_the_paper_has_it(), TASKS)
    assert [verdict.number for verdict in verdicts] == [1, 2, 3, 4, 5, 6, 7]
    assert [(verdict.number, verdict.verdict) for verdict in verdicts if verdict.verdict != "supported"] == []


def test_methods_exchanged_contradict_the_comparisons_between_them():
    found = as_the_paper_has_it()
    for key in [key for key in found if key[2].startswith("smiling")]:
        other = (*key[:2], key[2].replace("smiling", "dac"))
        found[key], found[other] = found[other], found[key]
    verdicts = {verdict.number: verdict.verdict for verdict in examine(found, TASKS)}
    assert {number: verdicts[number] for number in (1, 2, 3, 4, 7)} == dict.fromkeys((1, 2, 3, 4, 7), "contradicted")
    assert verdicts[5] == "supported"


def test_missing_runs_leave_a_claim_undecided_and_are_named():
    found = as_the_paper_has_it()
    del found["states", "humanoid_sit", "dac"]
    third = examine(found, TASKS)[2]
    assert third.verdict == "undecided"
    assert third.missing == ["humanoid_sit: area of SMILING - dac: no runs of states humanoid_sit dac"]


def test_five_of_six_may_miss_one():
    found = as_the_paper_has_it()
    found["states", "cheetah_run", "dac"] = rising(1.5)
    assert examine(found, TASKS)[1].verdict == "supported"
    found["states", "humanoid_walk", "dac"] = found["states", "humanoid_pole", "dac"] = rising(1.5)
    assert examine(found, TASKS)[1].verdict == "contradicted"


def test_comparison_is_open_where_its_interval_holds_zero():
    mine, other = np.array([0.0, 1.0, 0.0, 1.0]), np.array([1.0, 0.2, 0.9, 0.0])
    assert above("", mine, other).holds is None
    assert above("", mine + 2, other).holds is True
    assert above("", np.full(5, 0.5), 0.9).holds is False


@pytest.mark.parametrize(
    ("signs", "needed", "verdict"),
    [
        ((1, 1), None, "supported"),
        ((1, 0), None, "undecided"),
        ((1, -1), None, "contradicted"),
        ((1, -1), 1, "supported"),
        ((0, -1), 1, "undecided"),
        ((-1, -1), 1, "contradicted"),
        ((), None, "undecided"),
    ],
)
def test_verdict_counts_what_holds(signs, needed, verdict):
    comparisons = [Comparison("", sign, sign - 0.5, sign + 0.5) for sign in signs]
    assert Verdict(1, "", comparisons, needed=needed).verdict == verdict


def test_parts_of_a_curve():
    line = Curves(np.arange(0, 9), np.arange(0.0, 9)[None])
    assert line.final() == pytest.approx([7.5])
    assert line.area() == pytest.approx([4.0])
    assert line.area(0.25) == pytest.approx([1.0])
    assert line.oscillation() == pytest.approx([np.std([6, 7, 8])])
