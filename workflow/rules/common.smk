"""What the rules share: the validated experiment, the paths of its artefacts, and what each job depends on."""

import json
import os
import re
import shlex
import sys
import time

SOURCE_FOLDERS = [str(Path(workflow.basedir)), str(Path(workflow.basedir, "src"))]
sys.path[:0] = SOURCE_FOLDERS

import envs
from pydantic import TypeAdapter, ValidationError
from smiling import bits, experiment, methods, solvers
from smiling.runs import demonstration_kinds
from smiling.evidence import ablations, films, finished, standing
from smiling.evidence.curve_figures import FIGURES
from smiling.overrides import assignments, typed
from smiling.runs.provenance import file_digest, fingerprint
from smiling.settings import UserError, effective
from smiling.stages import code_of_run

ENVIRONMENT = str(Path(workflow.basedir, "environment.yml"))  # for --software-deployment-method conda
TASK_FOLDER = "results/{experiment}/{task}"
EXPERT = f"{TASK_FOLDER}/expert"
DEMOS = f"{TASK_FOLDER}/{demonstration_kinds.FOLDER}"
METHOD_RUNS_NAME = "{experiment}/{task}/{demos}/{method}"
METHOD_RUNS = f"results/{METHOD_RUNS_NAME}"
RUN_NAME = f"{METHOD_RUNS_NAME}/seed{{seed}}"
RUN = f"results/{RUN_NAME}"
FIGURE = "figures/{experiment}/{figure}"  # and tables, under the same wildcard


# What `config` may say beside the experiment's settings: its scale, what check_method checks, whether results of other
# settings are made anew, for how many nodes there is a forecast, the image that jobs run in.
NO_SETTINGS = ("scale", "method", "replace", "nodes", "container")


def overrides(config):
    """What `config` says of the experiment, but for its scale."""
    said = {key: value for key, value in config.items() if key not in NO_SETTINGS}
    if isinstance(tasks := said.get("tasks"), dict):
        said["tasks"] = {name: with_typed_kwargs(task) for name, task in tasks.items()}
    return said


def with_typed_kwargs(task):
    """What is said of a task; what its environment is given has no types that the suite knows."""
    if not (isinstance(task, dict) and "kwargs" in task):
        return task
    return {**task, "kwargs": typed(task["kwargs"])}


def told(what, *arguments):
    """`what(*arguments)`; a mistake of the user's stops Snakemake before any job, in one sentence."""
    try:
        return what(*arguments)
    except (UserError, envs.TaskError) as error:
        raise WorkflowError(f"configuration: {error}") from None


def refused(what, *arguments):
    """The same from an input function, whose errors Snakemake would bury in a traceback."""
    try:
        what(*arguments)
    except UserError as error:
        print(f"WorkflowError:\nconfiguration: {error}", file=sys.stderr)
        raise SystemExit(1) from None


def may_replace(config):
    """Whether `config` allows that results of other settings are made anew."""
    try:
        return TypeAdapter(bool).validate_python(config.get("replace", False))
    except ValidationError:
        raise UserError(f"setting 'replace' is {config['replace']!r}: write replace=true or leave it out") from None


def checked(config):
    """The experiment that `config` asks for, whose tasks can be made."""
    asked = experiment.resolve(str(config.get("scale", "quick")), overrides(config))
    for task in asked.task_names():
        if workflow.is_main_process and asked.spec_of(task):
            envs.sizes(task)  # tries it
        own = asked.task(task).demonstrations
        if own and not own.file.exists():
            raise UserError(f"setting 'tasks.{task}.demonstrations' is {str(own.file)!r}: there is no such file")
    return asked


# Where modules of the user's are looked for, with tasks of their own: where Snakemake was called (PWD, which the shell
# says and --directory leaves as it is), where it works, and on PYTHONPATH.
USERS_FOLDERS = [
    *(os.environ.get("PWD", os.getcwd()), os.getcwd()),
    *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)),
]
sys.path += [folder for folder in USERS_FOLDERS if folder not in sys.path]
EXPERIMENT = told(checked, config)
SETTINGS_FLAGS = shlex.join(
    [
        "--scale",
        EXPERIMENT.scale,
        *(flag for text in assignments(overrides(config)) for flag in ("--set", text)),
    ]
)

# The configuration for another process of Snakemake's.
CONFIG_FLAGS = shlex.join(["--config", *(f"{key}={json.dumps(value, default=str)}" for key, value in config.items())])


# Before every job's command: bash's strict mode (Snakemake's own prefix, whose place this takes); to wait, when all
# processes of a job are told to stop, for what the program still does; this tree's code, whatever is installed, wherever
# Snakemake runs, and behind it the user's; the interpreter that runs Snakemake, unless conda or a container is to bring one; the pins under which
# libraries give the same bits elsewhere, and the settings as the positional parameters "$@". They are no part of
# the command that Snakemake remembers: what reruns a job is its `standing`, or its own `settings` and `code`.
ENVIRONMENT_OF_JOBS = {
    "SUITE": str(workflow.basedir),
    "PYTHONPATH": os.pathsep.join(dict.fromkeys([*SOURCE_FOLDERS, *USERS_FOLDERS])),
    **bits.pins(EXPERIMENT.training.bits),
}
EXPORTS = shlex.join(f"{name}={value}" for name, value in ENVIRONMENT_OF_JOBS.items())
BROUGHT = {"conda", "apptainer"} & set(map(str, workflow.deployment_settings.deployment_method))
BINARIES = "" if BROUGHT else Path(sys.executable).parent
PROGRAMS = f'export PATH={shlex.quote(str(BINARIES))}:"$PATH"; ' if BINARIES else ""
PREFIX = f"set -euo pipefail; trap : TERM USR1; export {EXPORTS}; {PROGRAMS}set -- {SETTINGS_FLAGS}; "
shell.prefix(PREFIX.replace("{", "{{").replace("}", "}}"))  # Snakemake formats it


wildcard_constraints:
    experiment=re.escape(EXPERIMENT.experiment),
    task="[a-z0-9_]+",
    demos=demonstration_kinds.PATTERN,
    method="[a-z0-9_]+(-[a-z0-9_.]+)?",
    seed=r"\d+",


# How a method of the library is run, alone or with other seeds. These are a resource: Snakemake reruns nothing when one
# changes, so that to ask for fewer seeds, or for them one by one, makes none of them anew.
IMITATE = (
    'python "$SUITE/src/imitate.py" "$@" --task {wildcards.task:q} --method {wildcards.method:q} '
    "--seeds {resources.seeds} --demos-kind {wildcards.demos:q} --demonstrations {input.demonstrations:q} "
    f"--out results/{METHOD_RUNS_NAME.replace('{', '{wildcards.').replace('}', ':q}')} "
    '2>&1 | "$SUITE/workflow/log_to" {log:q}'
)


NOTHING = r"(?!)"  # as a wildcard's constraint


def of_method(name):
    """Wildcard constraint: a method or one of its variants."""
    return rf"{name}(-[a-z0-9_.]+)?"


def named_files(folder, *names):
    """Paths of files in a folder of results, wildcards kept, under the files' names without suffix."""
    return {name.partition(".")[0]: f"{folder}/{name}" for name in names}


def paths(pattern, **wildcards):
    """`pattern` for the experiment and the given wildcards."""
    return expand(pattern, experiment=EXPERIMENT.experiment, **wildcards)


def code_of_script(script, task=None):
    """Fingerprint of the code that a script runs, on a task if it has one."""
    solver = EXPERIMENT.task(task).solver if task else None
    return fingerprint(Path(workflow.basedir, "src", script), task=task, solver=solver)


def code(script):
    """A params function: hash of the code that the job runs, so that an edit reruns what depends on it, no more."""
    return lambda wildcards: code_of_script(script, getattr(wildcards, "task", None))


def code_of(made, task):
    """Fingerprint of the code that makes an 'expert', its 'demonstrations', or a run of a method."""
    scripts = {"expert": "train_expert.py", "demonstrations": "collect_demonstrations.py"}
    return code_of_script(scripts[made], task) if made in scripts else code_of_run(EXPERIMENT, made, task)


def surveyed():
    """Which finished results are not as they would be made now; a job's own process need not know."""
    if not workflow.is_main_process:
        return standing.Standing()
    return standing.survey(Path("results", EXPERIMENT.experiment), EXPERIMENT, code_of)


# What is outdated is known by the results' own records, whatever Snakemake remembers of them. A job is told by its input
# `standing`: a file that is new each time, and counts as ancient where the job's results stand.
STANDING = Path(".snakemake", "asked")
MAY_REPLACE = told(may_replace, config)
FOUND = told(surveyed)
OUTDATED = FOUND.not_as_asked()
STANDING.parent.mkdir(exist_ok=True)
STANDING.write_text(f"{time.time()}\n")


def standing_of(*folders):
    """An input function: whether results in any of `folders`, patterns of wildcards, are outdated.

    Results of other settings stop Snakemake where something that is asked for needs them, unless they may be replaced.
    """

    def of_job(wildcards):
        results = [Path(folder.format(**wildcards)) for folder in folders]
        if workflow.is_main_process and not workflow.dryrun:
            for folder in results:
                refused(refuse_running, folder)
        if not MAY_REPLACE:
            for folder in results:
                refused(FOUND.refuse, folder, EXPERIMENT.experiment)
        return ancient(str(STANDING)) if OUTDATED.isdisjoint(results) else str(STANDING)

    return of_job


def standing_on(files, script, record, settings=EXPERIMENT):
    """An input function for what a script draws: whether one of `files(wildcards)` is gone, or the `record` of what is
    there, a pattern of wildcards, is of other code or settings, so that it must be made again.

    Snakemake alone makes no file again that only what is there already was made of, and knows by what code and settings
    it was made only as long as `.snakemake` is there.
    """

    def of_job(wildcards):
        asked = code_of_script(script, getattr(wildcards, "task", None)), settings
        stands = finished.is_as_asked(Path(record.format(**wildcards)), *asked)
        stands = stands and all(map(os.path.exists, files(wildcards)))
        return ancient(str(STANDING)) if stands else str(STANDING)

    return of_job


def demonstrations_of(*folders):
    """An input function: what the runs in `folders`, patterns of wildcards, learn from.

    Of finished runs that stand, and say what they learnt from, it counts as ancient: if the same demonstrations are
    written anew, no run is made again. Else it must not: Snakemake looks for no other reason to make a job whose inputs
    are all ancient, and by the file's time alone it knows that a program which says nothing learnt from older ones.
    """

    def of_job(wildcards):
        runs = [Path(folder.format(**wildcards)) for folder in folders]
        stand = all((run / "curve.csv").exists() for run in runs) and (OUTDATED | FOUND.silent).isdisjoint(runs)
        folder = demonstration_kinds.parse(wildcards.demos).folder
        file = f"{TASK_FOLDER}/{folder}/demonstrations.npz".format(**wildcards)
        return ancient(file) if stand else file

    return of_job


def sources(*files):
    """A params function: hash of the files of a program that is not the suite's, so that an edit reruns its runs."""
    return lambda wildcards: {file: told(file_digest, Path(workflow.basedir, file)) for file in files}


def groups_of_seeds():
    """Groups of seeds that are trained in one process, each with its task."""
    return [
        (seeds, task)
        for task in EXPERIMENT.task_names()
        if EXPERIMENT.seeds_together > 1 and EXPERIMENT.task(task).solver in solvers.TOGETHER
        for seeds in EXPERIMENT.seed_groups(task)
    ]


def user_demonstrations():
    """Tasks whose demonstrations are the user's own, with the flags that say which."""
    return {name: task.demonstrations.flags() for name, task in EXPERIMENT.tasks.items() if task.demonstrations}


def curves_of(figure):
    """Curves of all runs that a figure is drawn from."""
    return curves_of_groups(finished.planned(EXPERIMENT, FIGURES[figure]))


def curves_of_groups(groups):
    """Curves of groups of runs; where seeds may be missing, those that are there."""
    results = Path("results", EXPERIMENT.experiment)
    if EXPERIMENT.allow_missing_seeds:
        groups = [group.finished(results) for group in groups]
    return [str(folder / "curve.csv") for group in groups for folder in group.folders(results)]


def returns_of(figure):
    """What the returns of a figure's tasks are normalised by."""
    return paths(f"{DEMOS}/returns.json", task=FIGURES[figure].tasks_of(EXPERIMENT))


def filmed_policy(wildcards):
    """The policy that a film is of."""
    return str(films.policy_file(Path("results", EXPERIMENT.experiment), EXPERIMENT, wildcards.task, wildcards.actor))


def films_to_draw(_):
    """Figure 1's films.

    What has no picture stops Snakemake where Figure 1 is asked for.
    """
    refused(films.require, EXPERIMENT)
    return FILMS


def figure_files(name, *further):
    """What a figure consists of."""
    return paths(f"{FIGURE}.{{suffix}}", figure=name, suffix=("png", "pdf", "csv", "json", *further))


def table_files(name):
    """What a table consists of."""
    return paths(f"{FIGURE}.{{suffix}}", figure=name, suffix=("md", "html", "tex", "csv", "json"))


def reported(path, caption, category, *names):
    """`path` as a part of the report, with a caption of workflow/report."""
    labels = dict(zip(("what", "who"), names))
    return report(path, caption=f"../report/{caption}.rst", category=category, labels=labels)


TASKS = EXPERIMENT.task_names()
EXPERTS = [
    f"{folder}/policy.safetensors"
    for folder in paths(EXPERT, task=[task for task in TASKS if task not in user_demonstrations()])
]
DEMONSTRATIONS = [f"{folder}/demonstrations.npz" for folder in paths(DEMOS, task=TASKS)]
RUNS = curves_of("figure3")
ALL_CURVES = sorted({curve for figure in FIGURES for curve in curves_of(figure)})
ABLATIONS = ablations.planned(EXPERIMENT)
ABLATION_CURVES = curves_of_groups(ABLATIONS)
ABLATION_RETURNS = sorted(
    {str(group.demonstrations(Path("results", EXPERIMENT.experiment)) / "returns.json") for group in ABLATIONS}
)
WHOLE_MACHINE = os.cpu_count()  # threads of a job beside which there shall be no other; Snakemake cuts them to --cores
THROUGHPUT = "figures/{experiment}/throughput"
# As params these are functions' values: braces in a path of the user's would be wildcards.
DRAWN_SETTINGS = json.dumps(effective(EXPERIMENT))  # a change draws anew
# What the cost of a step may depend on: a change measures anew.
MEASURED_SETTINGS = EXPERIMENT.model_dump_json(
    exclude={"methods", "seeds", "seeds_together", "allow_missing_seeds", "expert", "jobs"}
)
FILM = "figures/{experiment}/figure1/{task}_{actor}"
FILMS = [
    f"{FILM}.{suffix}".format(experiment=EXPERIMENT.experiment, task=task, actor=actor)
    for task in films.tasks_of(EXPERIMENT)
    for actor in films.actors_of(EXPERIMENT, task)
    for suffix in ("webm", "png", "json")
]

PAGE_CATEGORY, FIGURES_CATEGORY, TABLES_CATEGORY = "Page", "Figures", "Tables and claims"  # of the report
RESULT_FILES = (
    *("results.md", "results.json", "scores.csv", "tasks.csv", "methods.csv", "improvement.csv"),
    *("profiles.csv", "profiles.pdf"),
)
RESULTS = paths("figures/{experiment}/results/{name}", name=(*RESULT_FILES, "results.html", "profiles.png"))
CLAIMS = paths("figures/{experiment}/claims/claims.{suffix}", suffix=("md", "html", "csv", "json"))
PAGE = paths("figures/{experiment}/index.{suffix}", suffix=("html", "json"))
# Everything that the suite draws and writes; a figure none of whose tasks is asked for, or has a picture, is left out.
ARTEFACTS = [
    *(figure_files("figure1") if FILMS else []),
    *figure_files("figure2", "svg"),
    *(file for name, figure in FIGURES.items() if figure.tasks_of(EXPERIMENT) for file in figure_files(name)),
    *table_files("table1"),
    *table_files("table2"),
    *table_files("leaderboard"),
    *RESULTS,
    *CLAIMS,
    *paths("figures/{experiment}/runs.{suffix}", suffix=("md", "html", "csv", "json")),
    *PAGE,
]
