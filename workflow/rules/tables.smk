"""Tables and statistics, in the folder of the figures: for people, for papers, and as csv."""


rule write_table1:
    input:
        returns=paths(f"{DEMOS}/returns.json", task=TASKS),
    output:
        reported("figures/{scale}/table1.html", "table1", TABLES_CATEGORY, "Table 1"),
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
        reported("figures/{scale}/table2.html", "table2", TABLES_CATEGORY, "Table 2"),
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
        returns=returns_of("figure3"),
    output:
        reported("figures/{scale}/results/results.html", "results", TABLES_CATEGORY, "Results"),
        reported("figures/{scale}/results/profiles.png", "results", FIGURES_CATEGORY, "Performance profiles"),
        [f"figures/{{scale}}/results/{name}" for name in RESULT_FILES],
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
        curves=ALL_CURVES,
        returns=paths(f"{DEMOS}/returns.json", task=TASKS),
    output:
        reported("figures/{scale}/claims/claims.html", "claims", TABLES_CATEGORY, "Claims"),
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


rule list_runs:
    input:
        curves=ALL_CURVES,
    output:
        reported("figures/{scale}/runs.html", "runs", "Runs", "Settings and speed"),
        multiext("figures/{scale}/runs", ".md", ".csv"),
    log:
        "logs/{scale}/runs.log",
    benchmark:
        "logs/{scale}/runs.benchmark.tsv"
    conda:
        ENVIRONMENT
    params:
        experiment=EXPERIMENT.model_dump_json(),
        code=code("list_runs.py"),
    shell:
        'python src/list_runs.py "$@" --results results/{wildcards.scale} '
        "--out figures/{wildcards.scale}/runs 2>&1 | tee -i {log}"
