"""Claims on curves whose truth is known."""

import coverage_and_power as measured
import numpy as np
import pytest
from scipy import stats

from smiling.evidence import claims, paper_claims, statistics, verdicts
from smiling.evidence.claims import Answer, Curves, Part, TooFewEvaluations, Verdict
from smiling.evidence.figure_style import task_label
from smiling.evidence.paper_claims import TASKS, examine

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
    found["states", "cheetah_run", "dac-linear"] = rising(0.4, rate=30, spread=0.1)
    return found


def test_the_papers_own_curves_support_all_its_claims():
    verdicts = examine(as_the_paper_has_it())
    assert [verdict.number for verdict in verdicts] == [1, 2, 3, 4, 5, 6, 7]
    assert [(verdict.number, verdict.verdict) for verdict in verdicts if verdict.verdict != "supported"] == []


def test_methods_exchanged_contradict_the_comparisons_between_them():
    found = as_the_paper_has_it()
    for key in [key for key in found if key[2].startswith("smiling")]:
        other = (*key[:2], key[2].replace("smiling", "dac"))
        found[key], found[other] = found[other], found[key]
    verdicts = {verdict.number: verdict.verdict for verdict in examine(found)}
    assert {number: verdicts[number] for number in (1, 2, 3, 4, 7)} == dict.fromkeys((1, 2, 3, 4, 7), "contradicted")
    assert verdicts[5] == "supported"


def test_missing_runs_leave_a_claim_undecided_and_are_named():
    found = as_the_paper_has_it()
    del found["states", "humanoid_sit", "dac"]
    third = examine(found)[2]
    assert third.verdict == "undecided"
    assert verdicts.missing(third).startswith("no runs of DAC on Humanoid: sit; with 5 seeds")


def test_a_part_that_is_complete_contradicts_whatever_else_is_missing():
    found = as_the_paper_has_it()
    del found["states", "humanoid_sit", "dac"]
    found["states", "humanoid_sit", "iq_learn"] = rising(3.0)
    assert examine(found)[2].verdict == "contradicted"


def test_one_seed_settles_nothing():
    found = {key: Curves(each.steps, each.values[:1]) for key, each in as_the_paper_has_it().items()}
    told = examine(found)
    assert {verdict.verdict for verdict in told} == {"undecided"}
    table = verdicts.to_read(told, [verdict.verdict for verdict in told])
    assert table["effect, 95 % interval"].str.contains("one seed: no interval").all()
    assert table["missing"].str.contains("one seed says nothing of the spread").all()


def test_five_of_six_may_miss_one():
    found = as_the_paper_has_it()
    found["states", "cheetah_run", "dac"] = rising(1.2)
    assert examine(found)[1].verdict == "supported"
    found["states", "humanoid_walk", "dac"] = rising(1.2)
    second = examine(found)[1]
    assert second.verdict == "undecided"
    assert "above zero on 4 of the 5 tasks that it must be" in verdicts.missing(second)
    found["states", "humanoid_pole", "dac"] = found["states", "humanoid_crawl", "dac"] = rising(2.5)
    assert examine(found)[1].verdict == "contradicted"


@pytest.mark.parametrize(
    ("shifts", "verdict"),
    [
        ((1, 1), "supported"),
        ((1, 0), "undecided"),
        ((1, -1), "contradicted"),
        ((0, 0), "undecided"),
        ((-1, -1), "contradicted"),
        ((), "undecided"),
    ],
)
def test_every_part_must_hold_and_one_below_zero_contradicts(shifts, verdict):
    values = np.array([-0.2, -0.1, 0.0, 0.1, 0.2])
    answers = [
        Answer(Part("", lambda: None, {"task": ()}), {"task": (values + shift, values)}, (), ()).tested(999)
        for shift in shifts
    ]
    assert Verdict(1, "", answers).verdict == verdict


@pytest.mark.parametrize("scores", ["normal", "bimodal, half fail"])
def test_equal_methods_get_a_wrong_verdict_in_at_most_one_experiment_of_twenty(scores):
    random, experiments = np.random.default_rng(0), 200
    wrong = np.zeros(len(paper_claims.CLAIMS))
    for _ in range(experiments):
        told = examine(measured.equal_methods(*measured.SCORES[scores], random), drawn=499)
        wrong += [verdict.verdict != "undecided" for verdict in told]
    assert np.all(wrong / experiments <= 0.05), wrong / experiments


def test_methods_that_differ_by_what_is_detectable_are_told_apart():
    """Claim 2 with SMILING ahead by what ten seeds would see of one rival: both are seen in most experiments."""
    random, supported = np.random.default_rng(0), 0
    ahead = 1.3 * float(statistics.detectable([0.2] * len(TASKS), 10))
    for _ in range(50):
        found = measured.equal_methods(*measured.SCORES["normal"], random, seeds=10, ahead=ahead)
        second = paper_claims.CLAIMS[1][1]()
        supported += all(claims.answer(part, found, 499).test.above <= statistics.ERROR for part in second)
    assert supported / 50 > 0.75


def test_effect_and_interval_are_scipys():
    found = as_the_paper_has_it()
    end = examine(found)[3].answers[2]
    mine, other = (found["states", "cheetah_run", name].final() for name in ("smiling", "dac"))
    assert end.effect.value == pytest.approx(mine.mean() - other.mean())
    interval = stats.ttest_ind(mine, other, equal_var=False).confidence_interval()
    assert (end.effect.lower, end.effect.upper) == pytest.approx(tuple(interval))


def test_parts_of_a_curve():
    line = Curves(np.arange(0, 9), np.arange(0.0, 9)[None])
    assert line.final() == pytest.approx([7.5])
    assert line.area() == pytest.approx([4.0])
    assert line.area(0.25) == pytest.approx([1.0])
    assert line.area(0.3) == pytest.approx([1.2])  # straight between evaluations
    assert line.oscillation() == pytest.approx([np.std([6, 7, 8])])


def test_few_evaluations_give_an_area_and_no_oscillation():
    few = Curves(np.array([0, 4000, 8000, 12000]), np.array([[0.0, 0.4, 0.4, 0.6]]))
    assert few.area(0.25) == pytest.approx([0.15])
    with pytest.raises(TooFewEvaluations, match="1 of 3 needed"):
        few.oscillation()


def test_on_the_tasks_at_hand_a_claim_is_what_is_left_of_it():
    found = {key: each for key, each in as_the_paper_has_it().items() if key[1] in ("ball_in_cup_catch", "cheetah_run")}
    assert {verdict.verdict for verdict in examine(found)} == {"undecided", "supported"}  # 4 and 7 are the cheetah's
    left = [verdict.at_hand for verdict in examine(found)]
    assert [verdict.verdict for verdict in left] == ["supported"] * 2 + ["undecided"] + ["supported"] * 4
    assert [len(verdict.answers) for verdict in left] == [1, 2, 0, 3, 2, 2, 3]  # sit's parts are gone
    shown = verdicts.to_read(examine(found), ["said"] * 7)["on the tasks at hand"]
    assert shown[1] == "supported (Ball in cup: catch, Cheetah: run)"
    assert shown[2] == "no runs"


def test_on_the_tasks_at_hand_every_one_of_them_counts():
    """Five of six may miss one; two may not."""
    found = {key: each for key, each in as_the_paper_has_it().items() if key[1] in ("ball_in_cup_catch", "cheetah_run")}
    found["states", "ball_in_cup_catch", "dac"] = rising(1.2)
    assert examine(found)[1].at_hand.verdict == "undecided"


def test_what_is_left_of_the_claims_is_all_of_them_where_all_tasks_are_at_hand():
    found = as_the_paper_has_it()
    told = examine(found)
    assert [verdict.at_hand.verdict for verdict in told] == [verdict.verdict for verdict in told]
    first = verdicts.to_read(told, ["said"] * 7)["on the tasks at hand"][0]
    assert first == f"supported ({', '.join(map(task_label, [*sorted(TASKS, key='humanoid_sit'.__eq__)]))})"  # sit last


def test_each_claim_has_its_statistic_in_its_docstring():
    for number, (_, parts) in enumerate(paper_claims.CLAIMS, start=1):
        assert parts.__doc__.startswith(f"Claim {number}: ")


def test_tables_have_seven_rows_to_read_and_one_for_each_part_and_task():
    told = examine(as_the_paper_has_it())
    said = [verdict.verdict for verdict in told]
    assert list(verdicts.to_read(told, said)["claim"]) == [1, 2, 3, 4, 5, 6, 7]
    numbers = verdicts.in_numbers(told, said)
    assert list(numbers)[:6] == ["claim", "verdict", "comparison", "value", "lower", "upper"]
    parts = numbers[numbers["task"].isna()]
    assert len(parts) == sum(len(verdict.answers) for verdict in told)
    assert parts.groupby("claim")["decides"].sum().tolist() == [1] * 7
    second = numbers[(numbers["claim"] == 2) & (numbers["comparison"].str.startswith("the end, SMILING - DAC"))]
    assert second["value"].iloc[0] == pytest.approx(second["value"].iloc[1:].mean())
