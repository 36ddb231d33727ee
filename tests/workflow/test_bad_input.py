"""A user's mistake gets one sentence and a non-zero exit, and leaves nothing half-written."""

import errno
import os

import numpy as np
import pytest
from commands import ROOT, TASK, assert_refused, run, run_here

from smiling import command
from smiling.runs.artefacts import whole
from smiling.settings import UserError

IMITATE = ("imitate.py", "--method", "bc", "--seeds", 0)


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("--task", "walker_run"), ("unknown task 'walker_run'", "cheetah_run")),
        (("--task", TASK, "--method", "gail"), ("unknown method 'gail'", "smiling")),
        (("--task", TASK, "--scale", "huge"), ("unknown scale 'huge'", "quick")),
        (("--task", TASK, "--set", "sac.wdith=3"), ("'sac.wdith' is unknown", "width")),
        (("--task", TASK, "--demonstrations", "nowhere.npz"), ("nowhere.npz", "no such file")),
    ],
)
def test_mistake_on_the_command_line(arguments, parts, demonstrations_file, tmp_path):
    out = tmp_path / "out"
    given = () if "--demonstrations" in arguments else ("--demonstrations", demonstrations_file)
    assert_refused(run(*IMITATE, *given, *arguments, "--out", out), *parts)
    assert not out.exists()


@pytest.mark.parametrize("damage", ["truncated", "nan"])
def test_damaged_demonstrations(damage, demonstrations_file, tmp_path):
    if damage == "truncated":
        content = demonstrations_file.read_bytes()
        demonstrations_file.write_bytes(content[: len(content) // 2])
    else:
        arrays = dict(np.load(demonstrations_file))
        arrays["observations"][3, 4] = np.nan
        np.savez(demonstrations_file, **arrays)
    out = tmp_path / "out"
    refused = run(*IMITATE, "--task", TASK, "--demonstrations", demonstrations_file, "--out", out)
    assert_refused(refused, str(demonstrations_file))
    assert not out.exists()
    adopted = run("collect_demonstrations.py", "--task", TASK, "--demos", demonstrations_file, "--out", out)
    assert_refused(adopted, str(demonstrations_file))
    assert not list(out.glob("*"))


def test_output_folder_that_cannot_be_written(demonstrations_file, tmp_path):
    (tmp_path / "file").write_text("in the way")
    given = (*IMITATE, "--task", TASK, "--demonstrations", demonstrations_file)
    assert_refused(run(*given, "--out", tmp_path / "file" / "out"), "choose another output folder")
    if os.geteuid() != 0:  # root may write anywhere
        tmp_path.chmod(0o500)
        assert_refused(run(*given, "--out", tmp_path / "out"), "permission denied")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_disk_that_fails_while_writing_leaves_the_old_file(code, tmp_path, capsys):
    path = tmp_path / "curve.csv"
    path.write_text("old")

    def main() -> None:
        with whole(path) as temporary:
            temporary.write_text("ne")
            raise OSError(code, os.strerror(code), str(path))

    with pytest.raises(SystemExit) as ended:
        command.run(main)
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith(f"error: {path}: ")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_unexpected_error_keeps_its_traceback():
    def main() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        command.run(main)


def test_diverged_training_says_what_and_when():
    from smiling.runs.folder import check_finite

    with pytest.raises(UserError, match="critics_loss is nan at step 7"):
        check_finite({"actor_loss": 0.0, "critics_loss": float("nan")}, 7)


@pytest.mark.parametrize("script", sorted(path.name for path in (ROOT / "src").glob("*.py")))
def test_every_stage_has_help(script):
    done = run_here(script, "--help")
    assert done.returncode == 0
    assert "usage:" in done.stdout
