"""Figures: an image, the numbers drawn, and where they come from."""


rule draw_figure1:
    input:
        films=films_to_draw,
        curves=curves_of("figure3"),
        standing=standing_on(
            lambda _: [*FILMS, *curves_of("figure3")], "draw_figure1.py", "figures/{experiment}/figure1.json"
        ),
        returns=returns_of("figure3"),
    output:
        reported("figures/{experiment}/figure1.png", "figure1", FIGURES_CATEGORY, "Figure 1"),
        multiext("figures/{experiment}/figure1", ".pdf", ".csv", ".json"),
    log:
        "logs/{experiment}/figure1.log",
    benchmark:
        "logs/{experiment}/figure1.benchmark.tsv"
    conda:
        ENVIRONMENT
    resources:
        **SHORT,
    params:
        settings=lambda _: DRAWN_SETTINGS,
        code=code("draw_figure1.py"),
    shell:
        'python "$SUITE/src/draw_figure1.py" "$@" --results results/{wildcards.experiment:q} '
        "--out figures/{wildcards.experiment:q}/figure1 2>&1 | tee -i {log:q}"


rule film:
    input:
        policy=filmed_policy,
        standing=standing_on(lambda _: [], "film.py", f"{FILM}.json", settings=None),
    output:
        reported(f"{FILM}.webm", "film", "Films", "{task}", "{actor}"),
        multiext(FILM, ".png", ".json"),
    log:
        "logs/{experiment}/figure1/{task}_{actor}.log",
    benchmark:
        "logs/{experiment}/figure1/{task}_{actor}.benchmark.tsv"
    wildcard_constraints:
        actor="[a-z0-9_]+(-[a-z0-9_.]+)?",
        task="|".join(films.tasks_of(EXPERIMENT)) or NOTHING,
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **SHORT,
    params:
        code=code("film.py"),
    shell:
        'python "$SUITE/src/film.py" "$@" --task {wildcards.task:q} --policy {input.policy:q} '
        "--out figures/{wildcards.experiment:q}/figure1/{wildcards.task:q}_{wildcards.actor:q} 2>&1 | tee -i {log:q}"


rule draw_figure2:
    input:
        standing=standing_on(lambda _: [], "draw_figure2.py", "figures/{experiment}/figure2.json", settings=None),
    output:
        reported("figures/{experiment}/figure2.png", "figure2", FIGURES_CATEGORY, "Figure 2"),
        multiext("figures/{experiment}/figure2", ".pdf", ".svg", ".csv", ".json"),
    log:
        "logs/{experiment}/figure2.log",
    benchmark:
        "logs/{experiment}/figure2.benchmark.tsv"
    conda:
        ENVIRONMENT
    resources:
        **SHORT,
    params:
        code=code("draw_figure2.py"),
    shell:
        'python "$SUITE/src/draw_figure2.py" "$@" --out figures/{wildcards.experiment:q}/figure2 2>&1 | tee -i {log:q}'


rule draw_ablations:
    input:
        curves=ABLATION_CURVES,
        standing=standing_on(lambda _: ABLATION_CURVES, "draw_ablations.py", "figures/{experiment}/ablations.json"),
        returns=ABLATION_RETURNS,
    output:
        reported("figures/{experiment}/ablations.png", "ablations", FIGURES_CATEGORY, "Ablations"),
        reported("figures/{experiment}/ablations_effects.html", "ablations", TABLES_CATEGORY, "Ablations"),
        multiext("figures/{experiment}/ablations", ".pdf", ".csv", ".json"),
        multiext("figures/{experiment}/ablations_effects", ".md", ".tex", ".csv"),
    log:
        "logs/{experiment}/ablations.log",
    benchmark:
        "logs/{experiment}/ablations.benchmark.tsv"
    conda:
        ENVIRONMENT
    resources:
        **SHORT,
    params:
        settings=lambda _: DRAWN_SETTINGS,
        code=code("draw_ablations.py"),
    shell:
        'python "$SUITE/src/draw_ablations.py" "$@" --results results/{wildcards.experiment:q} '
        "--out figures/{wildcards.experiment:q}/ablations 2>&1 | tee -i {log:q}"


rule draw_curves:
    input:
        curves=lambda wildcards: curves_of(wildcards.figure),
        standing=standing_on(lambda wildcards: curves_of(wildcards.figure), "draw_curves.py", f"{FIGURE}.json"),
        returns=lambda wildcards: returns_of(wildcards.figure),
    output:
        reported(f"{FIGURE}.png", "curves", FIGURES_CATEGORY, "{figure}"),
        multiext(FIGURE, ".pdf", ".csv", ".json"),
    log:
        "logs/{experiment}/{figure}.log",
    benchmark:
        "logs/{experiment}/{figure}.benchmark.tsv"
    wildcard_constraints:
        figure="|".join(FIGURES),
    conda:
        ENVIRONMENT
    resources:
        **SHORT,
    params:
        settings=lambda _: DRAWN_SETTINGS,
        code=code("draw_curves.py"),
    shell:
        'python "$SUITE/src/draw_curves.py" "$@" --figure {wildcards.figure:q} '
        "--results results/{wildcards.experiment:q} --out figures/{wildcards.experiment:q}/{wildcards.figure:q} "
        "2>&1 | tee -i {log:q}"
