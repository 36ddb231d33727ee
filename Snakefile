"""Imitation learning by score matching: the paper's figures from nothing. Start with `snakemake --cores all figure3`."""

from pathlib import Path


configfile: "workflow/config/benchmark.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/experts.smk"
include: "workflow/rules/demonstrations.smk"


for rules_of_a_method in sorted(Path(workflow.basedir, "workflow/rules/methods").glob("*.smk")):

    include: str(rules_of_a_method)


include: "workflow/rules/together.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/tables.smk"


rule figure3:
    default_target: True
    input:
        figure_files("figure3"),


rule figure4:
    input:
        figure_files("figure4"),


rule figure5:
    input:
        figure_files("figure5"),


rule table1:
    input:
        table_files("table1"),


rule table2:
    input:
        table_files("table2"),


rule results:
    input:
        paths(RESULTS),


rule claims:
    input:
        CLAIMS,


rule experts:
    input:
        EXPERTS,


rule demonstrations:
    input:
        DEMONSTRATIONS,


rule runs:
    input:
        RUNS,
