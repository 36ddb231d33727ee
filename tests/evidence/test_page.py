"""The page of an experiment: what it says against pandas and scipy, what it escapes, what it says is missing."""

import html
import json
import re

import numpy as np
import pandas as pd
import pytest
from commands import ROOT, assert_refused, run_here, run_well
from finished_runs import experiment, flags, made_by, write_returns, write_run
from hypothesis import given
from hypothesis import strategies as st
from plotly import offline
from scipy import stats

from smiling import methods
from smiling.evidence import claims, examination, hyperparameters, paper_claims
from smiling.evidence.page import charts, colours, findings, tables
from smiling.runs import provenance
from smiling.runs.provenance import file_digest

TASKS = ("ball_in_cup_catch", "cheetah_run")
NAMES = ("smiling", "dac", "bc")
ASSIGNMENTS = (
    *(f"only_tasks=[{','.join(TASKS)}]", f"methods=[{','.join(NAMES)}]", "seeds=[0,1,2]"),
    *(f"tasks.{task}.env_steps=8000" for task in TASKS),
)
MOST_BYTES = 6_000_000
HOSTILE = "<script>alert('x')</script>"


def write_results(root, **says):
    """Runs of three methods, three seeds, two tasks, drawn at random; expert 900 and random 100."""
    random, settings = np.random.default_rng(0), experiment(*ASSIGNMENTS)
    for task in TASKS:
        write_returns(root, settings, task)
        for method in NAMES:
            for seed in range(3):
                write_run(root, settings, task, method, seed, random.uniform(0, 1000, 9), says=says)
    return root


def draw(results, out, *assignments):
    """The page's text."""
    run_well("draw_page.py", "--results", results, *flags(*ASSIGNMENTS, *assignments), "--out", out, how=run_here)
    return out.with_suffix(".html").read_text()


def data_of(page):
    """The numbers that it draws."""
    text = page.split('<script type="application/json" id="data">')[1].split("</script>")[0]
    return json.loads(text)


def without_plotly(page):
    """What of the page is ours."""
    return page.replace(offline.get_plotlyjs(), "")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return write_results(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def page(results, tmp_path_factory):
    return draw(results, tmp_path_factory.mktemp("page") / "index")


def test_curves_and_scores_are_those_of_the_files_by_pandas(results, page):
    panels = {panel["task"]: panel for panel in data_of(page)["figures"][0]["panels"]}
    for run in results.glob("*/states/*/seed*/curve.csv"):
        task, method, seed = run.parts[-5], run.parts[-3], int(run.parts[-2].removeprefix("seed"))
        (curve,) = [each for each in panels[task]["curves"] if each["method"] == method]
        read = pd.read_csv(run)
        values = (read["return"] - 100) / 800
        end = values.max() if method == "bc" else values[read["env_step"] > 6000].mean()
        assert curve["ends"][seed] == pytest.approx(end, rel=1e-5)
        if method != "bc":
            assert curve["steps"] == read["env_step"].tolist()
            assert curve["values"][seed] == pytest.approx(values.tolist(), rel=1e-5)


def test_means_and_intervals_are_scipys(page):
    for panel in data_of(page)["figures"][0]["panels"]:
        for curve in panel["curves"]:
            interval = stats.ttest_1samp(curve["ends"], 0).confidence_interval()
            assert [curve["end"]["low"], curve["end"]["high"]] == pytest.approx(list(interval), abs=1e-4)
            assert curve["mean"] == pytest.approx(np.mean(curve["values"], 0).tolist(), abs=1e-5)


def test_tables_agree_with_the_summaries_csv_and_the_claims(results, page, tmp_path):
    given = ("--results", results, *flags(*ASSIGNMENTS), "--out", tmp_path)
    run_well("summarise.py", *given, how=run_here)
    run_well("check_claims.py", *given, how=run_here)
    cells = [html.unescape(cell) for cell in re.findall(r"<t[dh][^>]*>([^<]*)</t[dh]>", without_plotly(page))]
    for _, row in pd.read_csv(tmp_path / "tasks.csv").iterrows():
        low, high = row["final_mean_lower"], row["final_mean_upper"]
        assert f"{row['final_mean']:.2f} [{low:.2f}, {high:.2f}]" in cells
    for _, row in pd.read_csv(tmp_path / "improvement.csv").iloc[::2].iterrows():
        assert f"{row['difference']:+.2f}" in cells
        assert f"{row['p']:.3f}" in cells
    run_well("write_leaderboard.py", *given[:-1], tmp_path / "leaderboard", how=run_here)
    for line in (tmp_path / "leaderboard.md").read_text().splitlines()[2:4]:
        assert {cell.strip() for cell in line.strip("| ").split(" | ")} <= set(cells)
    for claim in json.loads((tmp_path / "claims.json").read_text())["claims"]:
        assert {claim["the paper says"], claim["effect, 95 % interval"], claim["from"]} <= set(cells)


def test_everything_is_in_order_and_named(page):
    text = without_plotly(page)
    headings = [(int(level), re.sub("<.*?>", "", name)) for level, name in re.findall(r"<h(\d).*?>(.*?)</h\d>", text)]
    assert [name for level, name in headings if level == 2] == [
        *("What was asked, and found", "Learning curves", "Scores", "Leaderboard", "Comparisons", "The paper's claims"),
        *("Films", "Tasks", "Settings against the paper's", "Provenance", "Missing runs"),
    ]
    assert [level for level, _ in headings].count(1) == 1
    assert all(after - before <= 1 for (before, _), (after, _) in zip(headings, headings[1:], strict=False))
    assert "how near SMILING, DAC and BC come to the expert" in text
    assert len(re.findall(r'<div class="claim">', text)) == 7
    assert "env_steps" in text
    assert "c0ffee (18 of the runs)" in text
    assert "differs" in text
    assert "900.0 ± 28.3" in text  # the demonstrations', 880 and 920


def test_it_needs_nothing_else(page):
    assert len(page.encode()) < MOST_BYTES
    text = without_plotly(page)
    assert re.findall(r"https?:|url\(|@import|<link|<iframe", text) == []
    assert re.findall(r'(?:src|href)="(?!#|data:)', text) == []
    assert "default-src 'none'" in text


def test_names_and_settings_are_escaped(tmp_path):
    results = write_results(tmp_path / "results", provenance=made_by(commit=HOSTILE, processor=HOSTILE))
    text = without_plotly(draw(results, tmp_path / "index"))
    assert HOSTILE not in text
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; (18 of the runs)" in text
    assert len(re.findall("<script", text)) == 3  # the data, plotly's, our own


def test_a_method_and_a_setting_that_hold_markup_are_text(tmp_path, monkeypatch, results):
    label = f"A method </script>{HOSTILE}"
    setting = pd.DataFrame([(HOSTILE,) * 5], columns=["part", "setting", "paper", "here", ""])
    monkeypatch.setattr(methods, "label", lambda _: label)
    monkeypatch.setattr(hyperparameters, "table", lambda *_: setting)
    text = without_plotly(draw(results, tmp_path / "index"))
    assert HOSTILE not in text
    assert len(re.findall("</script", text)) == 3
    assert data_of(text)["methods"]["dac"]["label"] == label
    assert "The other 1 settings" in text


def test_what_is_missing_is_named_and_what_is_there_is_shown(tmp_path):
    results = write_results(tmp_path / "results")
    (results / TASKS[0] / "states" / "dac" / "seed1" / "curve.csv").unlink()
    text = without_plotly(draw(results, tmp_path / "index"))
    panels = data_of(text)["figures"][0]["panels"]
    shown = {panel["task"]: [curve["method"] for curve in panel["curves"]] for panel in panels}
    assert shown == {TASKS[0]: ["smiling", "bc"], TASKS[1]: list(NAMES)}
    row = ("Ball in cup: catch", "DAC", "states", "1", "3")
    assert "".join(f"<td class=short>{cell}</td>" for cell in row[1:]) in text
    some = data_of(draw(results, tmp_path / "some", "allow_missing_seeds=true"))
    (curve,) = [curve for curve in some["figures"][0]["panels"][0]["curves"] if curve["method"] == "dac"]
    assert curve["seeds"] == [0, 2]


def test_nothing_finished_is_refused(tmp_path):
    done = run_here("draw_page.py", "--results", tmp_path, *flags(*ASSIGNMENTS), "--out", tmp_path / "index")
    assert_refused(done, "has no finished runs to show; run 'snakemake runs' first")
    assert list(tmp_path.iterdir()) == []


def write_film(folder, results, actor, **says):
    """A film of a policy of the first seed, and the policy."""
    policy = results / TASKS[0] / f"states/{actor}/seed0/policy.safetensors"
    policy.write_bytes(b"weights")
    folder.mkdir(exist_ok=True)
    stem = folder / f"{TASKS[0]}_{actor}"
    stem.with_suffix(".webm").write_bytes(b"a film")
    record = {"task": TASKS[0], "policy": file_digest(policy), "return": 500.0, "seconds": [0.0], **says}
    stem.with_suffix(".json").write_text(json.dumps(record))


def test_films_are_inlined_with_their_return_and_the_mean(tmp_path):
    results = write_results(tmp_path / "results")
    write_film(tmp_path / "figure1", results, "smiling")
    text = draw(results, tmp_path / "index")
    assert 'src="data:video/webm;base64,YSBmaWxt"' in text
    (curve,) = [each for each in data_of(text)["figures"][0]["panels"][0]["curves"] if each["method"] == "smiling"]
    mean = f"{np.mean(curve['ends']):.2f}"
    assert f"This episode's return: 500, normalised 0.50; the mean {mean}." in text
    assert "Films are missing: Ball in cup: catch (Expert, DAC); Cheetah: run (Expert, SMILING, DAC)." in text
    assert list(json.loads((tmp_path / "index.json").read_text())["films"]) == [
        str(tmp_path / "figure1" / f"{TASKS[0]}_smiling.json")
    ]


def test_film_of_another_policy_is_refused(tmp_path):
    results = write_results(tmp_path / "results")
    write_film(tmp_path / "figure1", results, "dac", policy="0" * 16)
    given = ("--results", results, *flags(*ASSIGNMENTS), "--out", tmp_path / "index")
    assert_refused(run_here("draw_page.py", *given), "is of another film than is asked for: policy: '0000000000000000'")
    assert not (tmp_path / "index.html").exists()


def test_one_seed_has_no_interval(tmp_path):
    text = draw(write_results(tmp_path / "results"), tmp_path / "index", "seeds=[0]")
    curve = data_of(text)["figures"][0]["panels"][0]["curves"][0]
    assert curve["end"]["low"] is curve["low"][0] is None
    assert "one seed: no interval" in text


def test_hours_are_those_of_processes():
    alone = {"wall_seconds": 3600.0}
    together = [{"wall_seconds": 7200.0, "seeds": [0, 1]}] * 2
    assert tables.process_hours([alone, *together, {"wall_seconds": None}]) == 3.0


def test_pairs_that_differ_are_named_and_else_it_is_said_that_nothing_is_shown():
    rows = [("smiling", "bc", 0.4, 0.01), ("bc", "smiling", -0.4, 0.01), ("smiling", "dac", 0.1, 0.4)]
    table = pd.DataFrame(rows, columns=["method", "other", "difference", "p"])
    assert findings.on_pairs(table) == ["The test tells apart: SMILING above BC; the other pairs it does not."]
    assert "does not show that they are equal" in findings.on_pairs(table.iloc[2:])[0]
    assert findings.on_pairs(table.iloc[:0]) == []


def test_contrast_is_the_guidelines():
    assert colours.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert colours.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)  # WebAIM's checker


@given(st.tuples(*[st.integers(0, 255)] * 3), st.sampled_from([charts.LIGHT, charts.DARK]))
def test_every_colour_is_made_legible_and_one_that_is_stays(red_green_blue, background):
    paint = "#{:02x}{:02x}{:02x}".format(*red_green_blue)
    shade = colours.legible(paint, background)
    assert colours.contrast(shade, background) >= colours.GRAPHICS
    assert shade == paint or colours.contrast(paint, background) < colours.GRAPHICS


def test_backgrounds_are_those_of_the_style():
    style = (ROOT / "src" / "smiling" / "evidence" / "page" / "page.css").read_text()
    assert re.findall(r"--background: (#\w+);", style) == [charts.LIGHT, charts.DARK]


def test_the_template_is_part_of_the_code():
    names = {path.name for path in provenance.sources(ROOT / "src" / "draw_page.py")}
    assert {"page.html.jinja", "page.css", "page.js", "document.py"} <= names
    others = {path.suffix for path in provenance.sources(ROOT / "src" / "check_claims.py")}
    assert others == {".py", ".cpp"}


def test_page_says_what_the_tasks_at_hand_alone_would_have():
    """A claim about six tasks of which two are at hand, and are clear; the others have the same verdict either way."""
    heights = {"smiling": 1.0, "dac": 0.5, "iq_learn": 0.4, "bc": 0.2}
    noise = np.linspace(-0.01, 0.01, 5)[:, None]
    steps = np.arange(5)
    found = {
        ("states", task, method): claims.Curves(steps, height + noise * np.ones(5))
        for task in TASKS
        for method, height in heights.items()
    }
    whole = paper_claims.examine(found)
    examined = examination.Examination([], whole, [each.verdict for each in whole], [], [])
    assert findings.on_tasks_at_hand(examined) == [
        "The tasks at hand alone, at this scale, would have claims 1, 2 and 5 supported."
    ]
