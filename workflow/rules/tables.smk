"""Tables and statistics, in the folder of the figures: for people, for papers, and as csv."""

RESULTS = [
    f"figures/{{scale}}/results/{name}"
    for name in (
        *("results.md", "results.json", "scores.csv", "tasks.csv", "methods.csv", "improvement.csv"),
        *("profiles.csv", "profiles.png", "profiles.pdf"),
    )
]


CLAIMS = paths("figures/{scale}/claims/claims.{suffix}", suffix=("md", "csv", "json"))


rule write_table1:
    input:
        returns=paths(f"{DEMOS}/returns.json", task=TASKS),
    output:
        multiext("figures/{scale}/table1", ".md", ".tex", ".csv"),
    log:
        "logs/{scale}/table1.log",
    benchmark:
        "logs/{scale}/table1.benchmark.tsv"
    conda:
        ENVIRONMENT
    params:
        experiment=EXPERIMENT.model_dump_json(),
        code=code("write_table1.py"),
    shell:
        'python src/write_table1.py "$@" --results results/{wildcards.scale} '
        "--out figures/{wildcards.scale}/table1 2>&1 | tee -i {log}"


rule write_table2:
    output:
        multiext("figures/{scale}/table2", ".md", ".tex", ".csv"),
    log:
        "logs/{scale}/table2.log",
    benchmark:
        "logs/{scale}/table2.benchmark.tsv"
    conda:
        ENVIRONMENT
    params:
        experiment=EXPERIMENT.model_dump_json(),
        code=code("write_table2.py"),
    shell:
        'python src/write_table2.py "$@" --out figures/{wildcards.scale}/table2 2>&1 | tee -i {log}'


rule summarise:
    input:
        curves=RUNS,
        returns=paths(f"{DEMOS}/returns.json", task=TASKS),
    output:
        RESULTS,
    log:
        "logs/{scale}/results.log",
    benchmark:
        "logs/{scale}/results.benchmark.tsv"
    conda:
        ENVIRONMENT
    params:
        experiment=EXPERIMENT.model_dump_json(),
        code=code("summarise.py"),
    shell:
        'python src/summarise.py "$@" --results results/{wildcards.scale} '
        "--out figures/{wildcards.scale}/results 2>&1 | tee -i {log}"


rule check_claims:
    input:
        curves=[curve for figure in FIGURES for curve in curves_of(figure)],
        returns=paths(f"{DEMOS}/returns.json", task=TASKS),
    output:
        multiext("figures/{scale}/claims/claims", ".md", ".csv", ".json"),
    log:
        "logs/{scale}/claims.log",
    benchmark:
        "logs/{scale}/claims.benchmark.tsv"
    conda:
        ENVIRONMENT
    params:
        experiment=EXPERIMENT.model_dump_json(),
        code=code("check_claims.py"),
    shell:
        'python src/check_claims.py "$@" --results results/{wildcards.scale} '
        "--out figures/{wildcards.scale}/claims 2>&1 | tee -i {log}"
