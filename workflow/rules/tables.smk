"""Tables and statistics, in the folder of the figures: for people, for papers, and as csv."""


rule write_table1:
    input:
        returns=paths(f"{DEMOS}/returns.json", task=TASKS),
    output:
        reported("figures/{experiment}/table1.html", "table1", TABLES_CATEGORY, "Table 1"),
        multiext("figures/{experiment}/table1", ".md", ".tex", ".csv"),
    log:
        "logs/{experiment}/table1.log",
    benchmark:
        "logs/{experiment}/table1.benchmark.tsv"
    conda:
        ENVIRONMENT
    params:
        settings=DRAWN_SETTINGS,
        code=code("write_table1.py"),
    shell:
        'python src/write_table1.py "$@" --results results/{wildcards.experiment} '
        "--out figures/{wildcards.experiment}/table1 2>&1 | tee -i {log}"


rule write_table2:
    input:
        curves=RUNS,
        standing=standing_on(lambda _: RUNS),
        returns=returns_of("figure3"),
    output:
        reported("figures/{experiment}/table2.html", "table2", TABLES_CATEGORY, "Table 2"),
        multiext("figures/{experiment}/table2", ".md", ".tex", ".csv"),
    log:
        "logs/{experiment}/table2.log",
    benchmark:
        "logs/{experiment}/table2.benchmark.tsv"
    conda:
        ENVIRONMENT
    params:
        settings=DRAWN_SETTINGS,
        code=code("write_table2.py"),
    shell:
        'python src/write_table2.py "$@" --results results/{wildcards.experiment} '
        "--out figures/{wildcards.experiment}/table2 2>&1 | tee -i {log}"


rule summarise:
    input:
        curves=RUNS,
        standing=standing_on(lambda _: RUNS),
        returns=returns_of("figure3"),
    output:
        reported("figures/{experiment}/results/results.html", "results", TABLES_CATEGORY, "Results"),
        reported("figures/{experiment}/results/profiles.png", "results", FIGURES_CATEGORY, "Performance profiles"),
        reported("figures/{experiment}/results/improvement.png", "results", FIGURES_CATEGORY, "Improvement"),
        [f"figures/{{experiment}}/results/{name}" for name in (*RESULT_FILES, "improvement.pdf")],
    log:
        "logs/{experiment}/results.log",
    benchmark:
        "logs/{experiment}/results.benchmark.tsv"
    conda:
        ENVIRONMENT
    params:
        settings=DRAWN_SETTINGS,
        code=code("summarise.py"),
    shell:
        'python src/summarise.py "$@" --results results/{wildcards.experiment} '
        "--out figures/{wildcards.experiment}/results 2>&1 | tee -i {log}"


rule check_claims:
    input:
        curves=ALL_CURVES,
        standing=standing_on(lambda _: ALL_CURVES),
        returns=paths(f"{DEMOS}/returns.json", task=TASKS),
    output:
        reported("figures/{experiment}/claims/claims.html", "claims", TABLES_CATEGORY, "Claims"),
        reported("figures/{experiment}/claims/claims.png", "claims", FIGURES_CATEGORY, "Effects"),
        multiext("figures/{experiment}/claims/claims", ".md", ".csv", ".json", ".pdf"),
    log:
        "logs/{experiment}/claims.log",
    benchmark:
        "logs/{experiment}/claims.benchmark.tsv"
    conda:
        ENVIRONMENT
    params:
        settings=DRAWN_SETTINGS,
        code=code("check_claims.py"),
    shell:
        'python src/check_claims.py "$@" --results results/{wildcards.experiment} '
        "--out figures/{wildcards.experiment}/claims 2>&1 | tee -i {log}"


rule list_runs:
    input:
        curves=ALL_CURVES,
        standing=standing_on(lambda _: ALL_CURVES),
    output:
        reported("figures/{experiment}/runs.html", "runs", "Runs", "Settings and speed"),
        multiext("figures/{experiment}/runs", ".md", ".csv"),
    log:
        "logs/{experiment}/runs.log",
    benchmark:
        "logs/{experiment}/runs.benchmark.tsv"
    conda:
        ENVIRONMENT
    params:
        settings=DRAWN_SETTINGS,
        code=code("list_runs.py"),
    shell:
        'python src/list_runs.py "$@" --results results/{wildcards.experiment} '
        "--out figures/{wildcards.experiment}/runs 2>&1 | tee -i {log}"
