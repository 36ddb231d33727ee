"""Imitation learning by score matching: the paper's figures from nothing. Start with `snakemake --cores all figure3`.

`snakemake --cores 1 help` lists what else can be made.
"""

from pathlib import Path


configfile: Path(workflow.basedir, "workflow/config/benchmark.yaml")


report: "workflow/report/workflow.rst"


if "container" in config:  # with --software-deployment-method apptainer: an image of the Dockerfile

    container: config["container"]


include: "workflow/rules/common.smk"
include: "workflow/rules/interrupted.smk"
include: "workflow/rules/resources.smk"
include: "workflow/rules/experts.smk"
include: "workflow/rules/demonstrations.smk"
include: "workflow/rules/imitation.smk"


for rules_of_a_method in sorted(Path(workflow.basedir, "workflow/rules/methods").glob("*.smk")):

    include: str(rules_of_a_method)


include: "workflow/rules/together.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/throughput.smk"
include: "workflow/rules/help.smk"
include: "workflow/rules/announcements.smk"


rule figure1:
    "Time-lapses and videos of expert, SMILING and DAC, and their returns."
    input:
        figure_files("figure1"),


rule figure2:
    "The DS divergence on distributions of which all is known, and SMILING's diagram."
    input:
        figure_files("figure2", "svg"),


rule figure3:
    "Learning curves from states only (the default target)."
    default_target: True
    input:
        figure_files("figure3"),


rule figure4:
    "Learning curves from states and actions."
    input:
        figure_files("figure4"),


rule figure5:
    "Learning curves of linear score models and a linear discriminator on cheetah run."
    input:
        figure_files("figure5"),


rule ablations:
    "SMILING's end by what the paper chose: samples of the cost, noise, reward, sizes, demonstrations. Not part of all."
    input:
        figure_files("ablations"),
        paths("figures/{experiment}/ablations_effects.{suffix}", suffix=("md", "html", "tex", "csv")),


rule table1:
    "The tasks: sizes, steps, returns of expert and random policy as measured."
    input:
        table_files("table1"),


rule table2:
    "Hyperparameters as they ran, beside the paper's."
    input:
        table_files("table2"),


rule leaderboard:
    "Methods by their scores, with the ties that intervals demand; time of a step, what a method sees."
    input:
        table_files("leaderboard"),


rule results:
    "Scores of every run, means, intervals and comparisons over tasks."
    input:
        RESULTS,


rule claims:
    "The paper's seven claims, checked on the curves."
    input:
        CLAIMS,


rule page:
    "One page to look at: curves, scores, comparisons, claims, films, settings, in a file that needs no other."
    input:
        PAGE,


rule report:
    "All figures, tables, claims, films and settings in one HTML file."
    input:
        paths("figures/{experiment}/report.html"),


rule experts:
    "The experts alone."
    input:
        EXPERTS,


rule demonstrations:
    "The experts and their demonstrations."
    input:
        DEMONSTRATIONS,


rule runs:
    "All runs of Figure 3, nothing drawn."
    input:
        RUNS,


rule throughput:
    "Speed on this machine: every solver and method at every scale, and the estimators of Eq. 4."
    input:
        paths(f"{THROUGHPUT}/throughput.png"),


rule artefacts:
    input:
        ARTEFACTS,


rule all:
    "Every figure, table, claim, the page and the report."
    input:
        ARTEFACTS,
        rules.report.input,
