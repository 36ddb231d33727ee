"""What was measured is read back only as it was written, and beside the demonstrations that it is of."""

import json

import pandas as pd
import pytest
from finished_runs import DIGEST, experiment, write_returns

from smiling.evidence import measured_tables
from smiling.settings import UserError

TASK = "ball_in_cup_catch"
TABLE = pd.DataFrame({"task": [TASK, TASK], "passes": [50, 100], "error": [0.5, 0.25]})


@pytest.fixture
def settings():
    return experiment()


@pytest.fixture
def results(tmp_path, settings):
    write_returns(tmp_path / "results", settings, TASK)
    return tmp_path / "results"


@pytest.fixture
def folder(tmp_path, settings):
    """Of one measured table."""
    measured_tables.write(TABLE, tmp_path / "fits" / "one", __file__, settings, {"demonstrations": DIGEST})
    return tmp_path / "fits"


def read(folder, results):
    return measured_tables.read(folder, "expert_fit", ["task", "passes"], ["error"], results)


def test_what_was_written_is_read(folder, results, settings):
    assert read(folder, results).equals(TABLE)
    said = json.loads((folder / "one.json").read_text())
    assert said["settings"] == settings.model_dump(mode="json")
    assert said["provenance"]["python"]


def test_a_folder_without_a_table_is_told(tmp_path, results):
    with pytest.raises(UserError, match="holds no csv of measure/expert_fit.py"):
        read(tmp_path, results)


ROWS = "task,passes,error\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"task,passes\ncheetah_run,50\n",
        ROWS.encode(),
        f"{ROWS}{TASK},50,much\n".encode(),
        f"{ROWS}{TASK},50,inf\n".encode(),
        f"{ROWS}{TASK},50,1\n{TASK},50,1\n".encode(),
    ],
    ids=["empty", "no text", "other columns", "no rows", "a word", "infinite", "twice"],
)
def test_what_is_no_such_table_is_named(content, folder, results):
    (folder / "one.csv").write_bytes(content)
    with pytest.raises(UserError, match="one.csv is not as measure/expert_fit.py wrote it"):
        read(folder, results)


def test_a_number_changed_by_hand_is_told(folder, results):
    (folder / "one.csv").write_text(f"{ROWS}{TASK},50,0.4\n{TASK},100,0.25\n")
    with pytest.raises(UserError, match="one.json is not of the csv beside it; write both anew by measure/expert_fit"):
        read(folder, results)


def test_a_table_that_nothing_tells_of_is_refused(folder, results):
    (folder / "one.json").unlink()
    with pytest.raises(UserError, match="one.json is missing: nothing says what made the csv beside it"):
        read(folder, results)


def test_a_table_of_other_demonstrations_is_refused(folder, results, settings):
    write_returns(results, settings, TASK, digest="of others")
    with pytest.raises(UserError, match=f"one.csv is of other demonstrations of {TASK} than"):
        read(folder, results)
