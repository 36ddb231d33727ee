"""Which finished results stand, which are made again, and which are another experiment's."""

import json

import numpy as np
import pytest
from finished_runs import DIGEST, experiment, write_returns, write_run

from smiling.evidence import standing
from smiling.evidence.verification import check_returns
from smiling.runs.demonstrations import read_demonstrations
from smiling.runs.own_demonstrations import OwnDemonstrations, adopt
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
    found.refuse(results / TASK / "states" / "bc" / "seed0", "smoke")  # what is not there is in nobody's way
    with pytest.raises(UserError) as error:
        found.refuse(results / TASK / "states" / "dac" / "seed0", "smoke")
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
    write_own(results, file=str(demonstrations_file), digest=DIGEST)
    assert survey(results, own) == (everything, {})
    read = read_demonstrations(demonstrations_file, 8, 2)
    digest = read.digest()
    assert digest != DIGEST
    write_own(results, file="elsewhere.npz", digest=digest, demonstrations=read.returns())
    assert survey(results, own)[0] == everything - {"demonstrations"}
    for method in ("smiling", "dac"):
        write_run(results, experiment(*SETTINGS), TASK, method, 0, RETURNS, says={"demonstrations": digest})
    assert survey(results, own) == (set(), {})


def test_another_part_of_the_same_file_is_another_experiments(results, demonstrations_file):
    write_own(results, file=str(demonstrations_file), digest="1234", subset={"trajectories": 1, "subsample": 1})
    own = f"tasks.{TASK}.demonstrations={{file: {demonstrations_file}, trajectories: 1, subsample: 5}}"
    there = f"'{demonstrations_file}', 1 trajectories (1234) there"
    here = f"'{demonstrations_file}', 1 trajectories, one transition in 5 of another content here"
    assert survey(results, own)[1] == {"demonstrations": [f"demonstrations: {there}, {here}"]}
    one = f"tasks.{TASK}.demonstrations={{file: {demonstrations_file}, trajectories: 1}}"
    assert survey(results, one)[1] == {}


def write_own(results, **record):
    """returns.json of demonstrations of the user's own."""
    write_returns(results, experiment(*SETTINGS), TASK, code="demonstrations", **record)
    path = results / TASK / "demonstrations" / "returns.json"
    record = json.loads(path.read_text())
    del record["settings"]
    path.write_text(json.dumps(record))


@pytest.mark.parametrize("there", ["the expert's", "'other.npz' (1234)"])
def test_other_demonstrations_are_another_experiments(results, demonstrations_file, there):
    if there != "the expert's":
        write_own(results, file="other.npz", digest="1234")
    outdated, conflicts = survey(results, f"tasks.{TASK}.demonstrations={demonstrations_file}")
    told = [f"demonstrations: {there} there, '{demonstrations_file}' of another content here"]
    assert conflicts == {"demonstrations": told}
    assert outdated == {"states/dac/seed0", "states/smiling/seed0"}


def test_demonstrations_of_ones_own_where_an_expert_is_asked_for_are_another_experiments(results):
    write_own(results, file="mine.npz", digest="1234")
    told = ["demonstrations: 'mine.npz' (1234) there, the expert's here"]
    assert survey(results)[1] == {"demonstrations": told}


def test_a_run_that_does_not_say_what_it_learnt_from_is_known(results):
    record = results / TASK / "states" / "dac" / "seed0" / "run.json"
    said = json.loads(record.read_text())
    del said["demonstrations"]
    record.write_text(json.dumps(said))
    assert standing.survey(results, experiment(*SETTINGS), lambda *_: "").silent == {record.parent}


def test_a_damaged_record_is_refused_where_it_is_needed(results):
    run = results / TASK / "states" / "dac" / "seed0"
    (run / "run.json").write_text("{")
    found = standing.survey(results, experiment(*SETTINGS), lambda *_: "")
    assert run in found.not_as_asked()
    with pytest.raises(UserError, match="run.json is not JSON; delete its folder"):
        found.refuse(run, "smoke")


def test_a_run_that_is_not_finished_is_not_looked_at(results):
    (results / TASK / "states" / "dac" / "seed0" / "curve.csv").unlink()
    assert survey(results, "sac.width=17")[1].keys() == {"demonstrations", "states/smiling/seed0"}


@pytest.mark.parametrize("subsample", [1, 3])
def test_rewards_that_are_corrected_in_the_file_are_taken_up(subsample, results, demonstrations_file):
    """Also where they are not shown: curves are normalised by the returns. What was learnt stands then."""
    assigned = f"tasks.{TASK}.demonstrations={{file: {demonstrations_file}, subsample: {subsample}}}"
    part = OwnDemonstrations(file=demonstrations_file, subsample=subsample)
    adopted = adopt(part, TASK)
    digest = adopted.demonstrations.digest()
    said = {"file": str(demonstrations_file), "subset": part.subset(), "digest": digest}
    write_own(results, **said, demonstrations=adopted.returns)
    for method in ("smiling", "dac"):
        write_run(results, experiment(*SETTINGS), TASK, method, 0, RETURNS, says={"demonstrations": digest})
    assert survey(results, assigned) == (set(), {})
    check_returns(results / TASK / "demonstrations", experiment(*SETTINGS, assigned), TASK)
    arrays = dict(np.load(demonstrations_file))
    np.savez(demonstrations_file, **arrays | {"rewards": arrays["rewards"] + 1})
    outdated, conflicts = survey(results, assigned)
    assert conflicts == {}
    learnt = {"states/dac/seed0", "states/smiling/seed0"} if subsample == 1 else set()
    assert outdated == {"demonstrations"} | learnt
    with pytest.raises(UserError, match=r"returns.json is of other demonstrations than are asked for"):
        check_returns(results / TASK / "demonstrations", experiment(*SETTINGS, assigned), TASK)
