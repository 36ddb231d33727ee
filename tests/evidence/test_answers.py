"""Tables that documents are filled with: their numbers from the files that they are of."""

import json
import shutil
from itertools import takewhile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import ROOT, run_here
from finished_runs import DIGEST, EXPERT, RANDOM, experiment, flags, write_returns, write_run
from scipy import stats

from smiling.evidence import answers, claims, examination, measured_tables
from smiling.settings import UserError

TASK = "ball_in_cup_catch"
SEEDS = (0, 1, 2)
SHAPE = np.array([0.0, 0.5, 0.8, 0.9, 1.0])  # of every curve, times how high a seed comes
HEIGHTS = {"smiling": (1.0, 0.9, 0.95), "dac": (0.2, 0.5, 0.3), "bc": (0.8, 0.9, 0.85)}
ASKED = (f"only_tasks=[{TASK}]", "methods=[smiling,dac,bc]", "seeds=[0,1,2]")
PAIRS = ("SMILING - DAC", "SMILING - BC", "DAC - BC")
MARKS = "<!-- table: {} -->\nold\n<!-- end of table -->"


@pytest.fixture
def settings():
    return experiment(*ASKED)


@pytest.fixture
def results(tmp_path, settings):
    """Finished runs whose processor took an hour for each method's three seeds, trained together."""
    write_returns(tmp_path, settings, TASK)
    (tmp_path / TASK / "expert").mkdir()
    (tmp_path / TASK / "expert" / "run.json").write_text(json.dumps({"processor_seconds": 1800.0}))
    for method, heights in HEIGHTS.items():
        for seed, height in zip(SEEDS, heights, strict=True):
            returns = list(RANDOM + height * SHAPE * (EXPERT - RANDOM))
            said = {"processor_seconds": 3600.0, "seeds": list(SEEDS)}
            write_run(tmp_path, settings, TASK, method, seed, returns, says=said)
    return tmp_path


def test_ends_are_means_with_students_interval(results, settings):
    table = answers.ends(results, settings, examination.examine(results, settings).groups)
    shown = dict(table.itertuples(index=False, name=None))
    heights = np.array(HEIGHTS["dac"])  # the last quarter of the steps is the last evaluation
    low, high = stats.t.interval(0.95, 2, heights.mean(), stats.sem(heights))
    assert shown["DAC"] == f"{heights.mean():.2f} [{low:.2f}, {high:.2f}]"
    assert shown["*expert's return, random's*"] == "900, 100"
    assert list(table)[1:] == ["Ball in cup: catch"]


def test_claims_tell_each_part_and_the_price_of_seeing_it(results, settings):
    examined = examination.examine(results, settings)
    hours = answers.seed_hours(results, settings, examined.groups)
    assert hours == pytest.approx({("states", TASK, method): 1 / 3 for method in HEIGHTS})
    table = answers.claims(examined.verdicts, hours)
    parts = table[table["part"] != ""].set_index("part")
    assert list(parts.index) == ["all but sit: SMILING - 0.9", *(f"the end, {pair}" for pair in PAIRS)]
    assert parts.loc["the end, SMILING - DAC", "difference, 95 % interval"].startswith("+0.62 [")
    found, price = examined.verdicts[4].answers[0], parts.loc["the end, SMILING - BC"].iloc[-1]
    needed = int(price.split(" seeds")[0])
    assert seen(found, needed) <= found.effect.value < seen(found, needed - 1)
    assert price == f"{needed} seeds, {(needed - 3) * 2 / 3:.1f} core-hours more"  # a seed of each method: a third


def seen(answer: claims.Answer, seeds: int) -> float:
    """The difference of two methods that so many seeds see four times of five, one-sided at 2.5 % (Lehr, 1992)."""
    freedom = stats.t(2 * (seeds - 1))
    return (freedom.ppf(0.975) + freedom.ppf(0.8)) * answer.spreads[0] * np.sqrt(2 / seeds)


def test_hours_are_the_processors_beside_the_forecast(results, settings):
    rows = [
        {"scale": "smoke", "task": TASK, "learner": learner, "seeds": seeds, "environment": 0.0, "action": 0.0}
        for learner in ("expert", "smiling")
        for seeds in (1, 5)
    ]
    measured = pd.DataFrame(rows).assign(step=100.0)
    table = answers.hours(results, settings, examination.examine(results, settings).groups, measured).set_index("run")
    told = settings.env_steps("smiling", TASK) * 0.1 / 3600 * len(SEEDS)
    assert table.loc["SMILING", ["forecast", "took", "took / forecast"]].tolist() == [
        f"{told:.2f}",
        "1.00",
        f"{1 / told:.2f}",
    ]
    assert table.loc["expert", "took"] == "0.50"
    assert table.loc["DAC", "forecast"] == "-"
    assert table.loc["that was forecast", "took"] == "1.50"  # the expert's and SMILING's


def test_tries_say_what_they_have_otherwise(tmp_path, results, settings):
    tried = tmp_path / "tries"
    other = experiment(*ASKED, "sac.tau=0.25", "training.evaluate_every=1000")
    write_run(tried / "gentle", other, TASK, "smiling", 7, [0.0, 10.0, 20.0, 30.0, 40.0])
    others = {"demonstrations": "of another expert"}
    write_run(tried / "as it is", settings, TASK, "dac", 7, [0.0, 10.0, 20.0, 30.0, 44.0], says=others)
    table = answers.tries(tried, results, settings)
    assert table["method"].tolist() == ["DAC", "DAC", "SMILING", "SMILING"]
    own = "nothing: the figure's seeds"
    assert table["set otherwise"].tolist() == [own, "nothing", own, "`sac.tau` 0.25"]
    assert table["demonstrations"].tolist() == ["these", "others", "these", "these"]
    ends = [f"{RANDOM + np.mean(HEIGHTS[name]) * (EXPERT - RANDOM):.0f}" for name in ("dac", "smiling")]
    assert table["mean return, last quarter"].tolist() == [ends[0], "44", ends[1], "40"]


def test_the_experiments_own_runs_are_told_as_far_as_a_try_goes(tmp_path, results):
    """Of 3000 steps 2000: the third of five evaluations, at 0.8 of their height, is the last up to there."""
    short = experiment(*ASKED, f"tasks.{TASK}.env_steps=2000", "sac.tau=0.25")
    write_run(tmp_path / "tries" / "short", short, TASK, "smiling", 7, [0.0, 10.0, 20.0])
    own, tried = answers.tries(tmp_path / "tries", results, experiment(*ASKED)).to_dict("records")
    assert (own["steps"], tried["steps"]) == ("1500", "2000")
    ends = RANDOM + 0.8 * np.array(HEIGHTS["smiling"]) * (EXPERT - RANDOM)
    assert own["each seed"] == ", ".join(f"{end:.0f}" for end in ends)


def test_a_try_of_several_settings_is_refused(tmp_path, results, settings):
    tried = tmp_path / "tries" / "mixed"
    write_run(tried, settings, TASK, "smiling", 7, [0.0, 10.0])
    write_run(tried, experiment(*ASKED, "sac.tau=0.25"), TASK, "smiling", 8, [0.0, 10.0])
    with pytest.raises(UserError, match="seed8/run.json: its settings are not those of seed7"):
        answers.tries(tmp_path / "tries", results, settings)


def test_a_try_without_a_run_is_told(tmp_path, results, settings):
    tried = tmp_path / "tries"
    tried.mkdir()
    with pytest.raises(UserError, match="tries holds no folder of a try"):
        answers.tries(tried, results, settings)
    (tried / "empty").mkdir()
    with pytest.raises(UserError, match="empty has no finished run: no folder in it holds a curve.csv"):
        answers.tries(tried, results, settings)


def test_a_try_whose_curve_is_another_is_refused(tmp_path, results, settings):
    run = write_run(tmp_path / "tries" / "one", settings, TASK, "smiling", 7, [0.0, 10.0])
    (run / "curve.csv").write_text("env_step,return\n0,0\n3000,999\n")
    with pytest.raises(UserError, match="run.json is not of the curve.csv beside it"):
        answers.tries(tmp_path / "tries", results, settings)
    (run / "run.json").write_text("{}")
    with pytest.raises(UserError, match="run.json does not say its task"):
        answers.tries(tmp_path / "tries", results, settings)


def write_measured(folder, name, rows):
    """A table of src/measure, of the demonstrations that `write_returns` tells of."""
    settings = experiment(*ASKED)
    measured_tables.write(pd.DataFrame(rows), folder / name, __file__, settings, {"demonstrations": DIGEST})


@pytest.fixture
def of_two_tasks(tmp_path, settings):
    """A results folder with demonstrations of two tasks."""
    for task in ("cheetah_run", TASK):
        write_returns(tmp_path / "two", settings, task)
    return tmp_path / "two"


def test_fits_have_a_column_for_each_task_and_span_of_times(tmp_path, of_two_tasks):
    columns = {
        "demonstrations": 0.1234,
        "held out": 0.5,
        "demonstrations, little noise": 0.7,
        "held out, little noise": 1,
    }
    for task in ("cheetah_run", TASK):
        write_measured(tmp_path, task, [{"task": task, "passes": passes, **columns} for passes in (50, 100)])
    table = answers.fits(tmp_path, of_two_tasks)
    assert [name.partition(",")[0] for name in table] == ["passes", *2 * ["Ball in cup: catch"], *2 * ["Cheetah: run"]]
    assert table.to_numpy().tolist() == [[passes, *2 * ["0.123 / 0.500", "0.700 / 1.000"]] for passes in ("50", "100")]


def test_fits_of_other_numbers_of_passes_are_told(tmp_path, of_two_tasks):
    errors = {f"{states}{of}": 1 for states in ("demonstrations", "held out") for of in ("", ", little noise")}
    for task, passes in (("cheetah_run", 50), (TASK, 100)):
        write_measured(tmp_path, task, [{"task": task, "passes": passes, **errors}])
    with pytest.raises(UserError, match="other numbers of passes"):
        answers.fits(tmp_path, of_two_tasks)


def test_rewards_of_policies_go_from_the_lowest_return_to_the_highest(tmp_path, of_two_tasks):
    rows = [
        {
            "task": TASK,
            "method": method,
            "policy": "one",
            "actions": share,
            "return": 10 * share,
            "reward": sign * share,
        }
        for method, sign in (("smiling", 1), ("dac", -1))
        for share in (1.0, 0.5)
    ]
    write_measured(tmp_path, "one", [row | {"error": 0.05} for row in rows])
    table = answers.policy_rewards(tmp_path, of_two_tasks)
    assert list(table) == ["task", "return", "policy", "SMILING", "DAC"]
    assert table.to_numpy().tolist() == [
        ["Ball in cup: catch", "5", "one, 0.5 of its actions", "+0.50 ± 0.05", "-0.50 ± 0.05"],
        ["Ball in cup: catch", "10", "one", "+1.00 ± 0.05", "-1.00 ± 0.05"],
    ]


def test_an_expert_that_nobody_knows_is_told(results, settings):
    """Demonstrations without rewards: returns are as they are."""
    write_returns(results, settings, TASK, expert_return=None, demonstrations=None, lengths=[9])
    table = answers.ends(results, settings, examination.examine(results, settings).groups)
    assert list(table)[1:] == ["Ball in cup: catch (not normalised)"]
    shown = dict(table.itertuples(index=False, name=None))
    assert shown["*expert's return, random's*"] == "unknown, 100"
    assert shown["DAC"].startswith(f"{RANDOM + np.mean(HEIGHTS['dac']) * (EXPERT - RANDOM):.2f} [")


def fill(results, *documents):
    return run_here("fill_tables.py", *documents, "--results", results, "--scale", "smoke", *flags(*ASKED))


def test_tables_are_put_between_their_marks(results, tmp_path):
    document = tmp_path / "page.md"
    document.write_text(f"# A\n\n{MARKS.format('ends')}\n\nB\n\n{MARKS.format('claims')}\n\nC\n")
    done = fill(results, document)
    assert done.returncode == 0, done.stderr
    text = document.read_text()
    assert text.startswith("# A\n\n<!-- table: ends -->\n| mean of the last quarter")
    assert text.endswith("|\n<!-- end of table -->\n\nC\n")
    assert "old" not in text
    assert "\n\nB\n\n<!-- table: claims -->\n| claim" in text
    before = document.read_bytes()
    assert fill(results, document).returncode == 0
    assert document.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# no table\n", "has no table to fill: write <!-- table: ends -->"),
        (MARKS.format("endings"), "there is no table 'endings'; there are ends, claims, hours"),
        ("\udcff", "is no text: name a Markdown document"),
        (
            "<!-- table: ends -->\nkept\n\n" + MARKS.format("claims"),
            "of 3 lines that begin or end a table 2 make",
        ),
        ("<!--table: ends-->\nold\n<!-- end of table -->\n\n" + MARKS.format("ends"), "of 4 lines that begin or end"),
        (MARKS.format("tries"), "there is no table 'tries'; there are ends, claims, hours"),
    ],
)
def test_a_document_that_cannot_be_filled_is_left_as_it_is(text, said, results, tmp_path):
    whole, broken = tmp_path / "whole.md", tmp_path / "broken.md"
    whole.write_text(MARKS.format("ends"))
    broken.write_text(text, errors="surrogateescape")
    done = fill(results, whole, broken)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    left = whole.read_text(), broken.read_text(errors="surrogateescape")
    assert left == (MARKS.format("ends"), text)


def test_without_runs_there_is_nothing_to_say(tmp_path, settings):
    with pytest.raises(UserError, match="no finished runs"):
        examination.examine(tmp_path, settings)


def test_the_shipped_tables_are_what_the_shipped_files_say(tmp_path):
    """By the flags that `make tables` has."""
    rule = (ROOT / "Makefile").read_text().split("\ntables: setup\n\tpython src/fill_tables.py ")[1].split("\n\n")[0]
    words = rule.replace("\\\n", " ").split()
    documents = list(takewhile(lambda word: not word.startswith("--"), words))
    assert documents == ["README.md", "docs/results.md"]
    copies = [Path(shutil.copy(ROOT / document, tmp_path)) for document in documents]
    given = [str(ROOT / word) if word.startswith("results/") else word for word in words[len(documents) :]]
    done = run_here("fill_tables.py", *copies, *given)
    assert done.returncode == 0, done.stderr
    for copy, document in zip(copies, documents, strict=True):
        assert copy.read_text() == (ROOT / document).read_text()
