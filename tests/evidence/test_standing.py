"""Which finished results stand, which are made again, and which are another experiment's."""

import pytest
from finished_runs import DIGEST, experiment, write_returns, write_run

from smiling.evidence import standing
from smiling.runs.demonstrations import read_demonstrations
from smiling.settings import UserError
from smiling.stages import code_of_run

TASK = "ball_in_cup_catch"
SETTINGS = (f"only_tasks=[{TASK}]", "methods=[smiling,dac]", "seeds=[0]")
RETURNS = (1.0, 2.0, 3.0, 4.0)


@pytest.fixture
def results(tmp_path):
    """Demonstrations, and a run of each of two methods."""
    write_returns(tmp_path, experiment(*SETTINGS), TASK, code="demonstrations")
    for method in ("smiling", "dac"):
        write_run(tmp_path, experiment(*SETTINGS), TASK, method, 0, RETURNS)
    return tmp_path


def survey(results, *assignments, code=None):
    settings = experiment(*SETTINGS, *assignments)

    def code_of(made, task):
        return (code or {}).get(made) or (made if made == "demonstrations" else code_of_run(settings, made, task))

    found = standing.survey(results, settings, code_of)
    names = {folder.relative_to(results / TASK).as_posix() for folder in found.outdated}
    return names, {folder.relative_to(results / TASK).as_posix(): told for folder, told in found.conflicts.items()}


def test_what_was_just_made_stands(results):
    assert survey(results) == (set(), {})
    assert survey(results, "training.checkpoint_seconds=7", "seeds=[0,1,2]", "methods=[dac]") == (set(), {})


def test_other_settings_are_another_experiments(results):
    outdated, conflicts = survey(results, "method_settings.dac.penalty=5")
    assert outdated == set()
    assert conflicts == {"states/dac/seed0": ["method.penalty: 10.0 there, 5.0 here"]}


def test_conflicts_are_refused_with_both_values_their_number_and_two_ways_on(results):
    settings = experiment(*SETTINGS, "sac.width=17")
    found = standing.survey(results, settings, lambda made, task: "")
    with pytest.raises(UserError) as error:
        found.refuse_conflicts("smoke")
    told = str(error.value)
    for part in ("experiment 'smoke'", "and 2 more", "sac.width: 16 there, 17 here", "experiment=NAME", "replace=true"):
        assert part in told


def test_other_code_is_made_again(results):
    assert survey(results, code={"dac": "edited"}) == ({"states/dac/seed0"}, {})


def test_what_other_code_demonstrates_is_learnt_from_again(results):
    everything = {"demonstrations", "states/dac/seed0", "states/smiling/seed0"}
    assert survey(results, code={"demonstrations": "edited"}) == (everything, {})


def test_returns_over_other_episodes_are_measured_again_and_nothing_is_learnt_again(results):
    assert survey(results, "expert.evaluation_episodes=3") == ({"demonstrations"}, {})


def test_the_content_of_demonstrations_counts(results, demonstrations_file):
    """Not the file's name or time: a run that learnt from the same arrays stands."""
    own = f"tasks.{TASK}.demonstrations={demonstrations_file}"
    everything = {"demonstrations", "states/dac/seed0", "states/smiling/seed0"}
    assert survey(results, own) == (everything, {})
    digest = read_demonstrations(demonstrations_file, 8, 2).digest()
    assert digest != DIGEST
    write_returns(results, experiment(*SETTINGS), TASK, code="demonstrations", digest=digest)
    assert survey(results, own)[0] == everything - {"demonstrations"}
    for method in ("smiling", "dac"):
        write_run(results, experiment(*SETTINGS), TASK, method, 0, RETURNS, says={"demonstrations": digest})
    assert survey(results, own) == (set(), {})


def test_a_run_that_is_not_finished_is_not_looked_at(results):
    (results / TASK / "states" / "dac" / "seed0" / "curve.csv").unlink()
    assert survey(results, "sac.width=17")[1].keys() == {"demonstrations", "states/smiling/seed0"}
