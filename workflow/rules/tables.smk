"""Tables, statistics and the page, in the folder of the figures: for people, for papers, and as csv."""


rule write_table1:
    input:
        returns=paths(f"{DEMOS}/returns.json", task=TASKS),
        standing=standing_on(lambda _: [], "write_table1.py", "figures/{experiment}/table1.json"),
    output:
        reported("figures/{experiment}/table1.html", "table1", TABLES_CATEGORY, "Table 1"),
        multiext("figures/{experiment}/table1", ".md", ".tex", ".csv", ".json"),
    log:
        "logs/{experiment}/table1.log",
    benchmark:
        "logs/{experiment}/table1.benchmark.tsv"
    conda:
        ENVIRONMENT
    resources:
        **SHORT,
    params:
        settings=lambda _: DRAWN_SETTINGS,
        code=code("write_table1.py"),
    shell:
        'python "$SUITE/src/write_table1.py" "$@" --results results/{wildcards.experiment:q} '
        "--out figures/{wildcards.experiment:q}/table1 2>&1 | tee -i {log:q}"


rule write_table2:
    input:
        curves=RUNS,
        standing=standing_on(lambda _: RUNS, "write_table2.py", "figures/{experiment}/table2.json"),
        returns=returns_of("figure3"),
    output:
        reported("figures/{experiment}/table2.html", "table2", TABLES_CATEGORY, "Table 2"),
        multiext("figures/{experiment}/table2", ".md", ".tex", ".csv", ".json"),
    log:
        "logs/{experiment}/table2.log",
    benchmark:
        "logs/{experiment}/table2.benchmark.tsv"
    conda:
        ENVIRONMENT
    resources:
        **SHORT,
    params:
        settings=lambda _: DRAWN_SETTINGS,
        code=code("write_table2.py"),
    shell:
        'python "$SUITE/src/write_table2.py" "$@" --results results/{wildcards.experiment:q} '
        "--out figures/{wildcards.experiment:q}/table2 2>&1 | tee -i {log:q}"


rule summarise:
    input:
        curves=RUNS,
        standing=standing_on(lambda _: RUNS, "summarise.py", "figures/{experiment}/results/results.json"),
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
    resources:
        **SHORT,
    params:
        settings=lambda _: DRAWN_SETTINGS,
        code=code("summarise.py"),
    shell:
        'python "$SUITE/src/summarise.py" "$@" --results results/{wildcards.experiment:q} '
        "--out figures/{wildcards.experiment:q}/results 2>&1 | tee -i {log:q}"


rule write_leaderboard:
    input:
        curves=RUNS,
        standing=standing_on(lambda _: RUNS, "write_leaderboard.py", "figures/{experiment}/leaderboard.json"),
        returns=returns_of("figure3"),
    output:
        reported("figures/{experiment}/leaderboard.html", "leaderboard", TABLES_CATEGORY, "Leaderboard"),
        multiext("figures/{experiment}/leaderboard", ".md", ".tex", ".csv", ".json"),
    log:
        "logs/{experiment}/leaderboard.log",
    benchmark:
        "logs/{experiment}/leaderboard.benchmark.tsv"
    conda:
        ENVIRONMENT
    params:
        settings=lambda _: DRAWN_SETTINGS,
        code=code("write_leaderboard.py"),
    shell:
        'python "$SUITE/src/write_leaderboard.py" "$@" --results results/{wildcards.experiment:q} '
        "--out figures/{wildcards.experiment:q}/leaderboard 2>&1 | tee -i {log:q}"


rule check_claims:
    input:
        curves=ALL_CURVES,
        standing=standing_on(lambda _: ALL_CURVES, "check_claims.py", "figures/{experiment}/claims/claims.json"),
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
    resources:
        **SHORT,
    params:
        settings=lambda _: DRAWN_SETTINGS,
        code=code("check_claims.py"),
    shell:
        'python "$SUITE/src/check_claims.py" "$@" --results results/{wildcards.experiment:q} '
        "--out figures/{wildcards.experiment:q}/claims 2>&1 | tee -i {log:q}"


rule list_runs:
    input:
        curves=ALL_CURVES,
        standing=standing_on(lambda _: ALL_CURVES, "list_runs.py", "figures/{experiment}/runs.json"),
    output:
        reported("figures/{experiment}/runs.html", "runs", "Runs", "Settings and speed"),
        multiext("figures/{experiment}/runs", ".md", ".csv", ".json"),
    log:
        "logs/{experiment}/runs.log",
    benchmark:
        "logs/{experiment}/runs.benchmark.tsv"
    conda:
        ENVIRONMENT
    resources:
        **SHORT,
    params:
        settings=lambda _: DRAWN_SETTINGS,
        code=code("list_runs.py"),
    shell:
        'python "$SUITE/src/list_runs.py" "$@" --results results/{wildcards.experiment:q} '
        "--out figures/{wildcards.experiment:q}/runs 2>&1 | tee -i {log:q}"


rule draw_page:
    input:
        curves=ALL_CURVES,
        films=FILMS,
        standing=standing_on(lambda _: [*ALL_CURVES, *FILMS], "draw_page.py", "figures/{experiment}/index.json"),
        returns=paths(f"{DEMOS}/returns.json", task=TASKS),
    output:
        reported("figures/{experiment}/index.html", "page", PAGE_CATEGORY, "One page"),
        "figures/{experiment}/index.json",
    log:
        "logs/{experiment}/page.log",
    benchmark:
        "logs/{experiment}/page.benchmark.tsv"
    conda:
        ENVIRONMENT
    resources:
        **SHORT,
    params:
        settings=lambda _: DRAWN_SETTINGS,
        code=code("draw_page.py"),
    shell:
        'python "$SUITE/src/draw_page.py" "$@" --results results/{wildcards.experiment:q} '
        "--films figures/{wildcards.experiment:q}/figure1 --out figures/{wildcards.experiment:q}/index "
        "2>&1 | tee -i {log:q}"
