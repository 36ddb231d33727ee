"""The page in a browser: it draws without the network, answers to mouse and keyboard, and excludes nobody.

Debian's Chromium is taken, and installed where there is none and this is root.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from commands import run_here, run_well
from finished_runs import experiment, flags, write_returns, write_run
from playwright.sync_api import sync_playwright

from smiling.evidence import films
from smiling.evidence.films import Film
from smiling.runs.provenance import file_digest

pytestmark = pytest.mark.long

TASKS = ("ball_in_cup_catch", "cheetah_run")
NAMES = ("smiling", "dac", "bc")
ASSIGNMENTS = (f"only_tasks=[{','.join(TASKS)}]", f"methods=[{','.join(NAMES)}]", "seeds=[0,1,2]")
WIDTHS = {"phone": 360, "desk": 1400}
HARMFUL = ("serious", "critical")  # axe's impacts


@pytest.fixture(scope="module")
def browser():
    """Chromium, or a reason why there is none."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "timeout": 600}
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for call in (("update",), ("install", "-y", "--no-install-recommends", "chromium")):
            subprocess.run(["apt-get", "-qq", *call], env=environment, **quiet)
        path = shutil.which("chromium")
    if path is None:
        pytest.skip("no Chromium: install Debian's chromium (apt-get install chromium)")
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    """A page of runs with a film."""
    root, random, settings = tmp_path_factory.mktemp("page"), np.random.default_rng(0), experiment(*ASSIGNMENTS)
    results = root / "results"
    for task in TASKS:
        write_returns(results, settings, task)
        for method in NAMES:
            for seed in range(3):
                returns = random.uniform(0, 1000, 4)
                write_run(results, settings, task, method, seed, returns, says={"wall_seconds": 7200.0})
    write_film(root / "figure1", results / TASKS[0] / "states" / "smiling" / "seed0" / "policy.safetensors")
    given = ("--results", results, *flags(*ASSIGNMENTS), "--out", root / "index")
    run_well("draw_page.py", *given, how=run_here)
    return (root / "index.html").as_uri()


def write_film(folder: Path, policy: Path) -> None:
    """Two seconds that grow lighter."""
    policy.write_bytes(b"weights")
    folder.mkdir()
    stem = folder / f"{TASKS[0]}_smiling"
    frames = [np.full((64, 64, 3), 10 * level, np.uint8) for level in range(25)]
    films.write_video(stem.with_suffix(".webm"), Film(frames, 12.5, 0.0))
    record = {"task": TASKS[0], "policy": file_digest(policy), "return": 500.0, "seconds": [0.0]}
    stem.with_suffix(".json").write_text(json.dumps(record))


def is_own(url: str, address: str) -> bool:
    """Whether it is the page itself, or of what is in it."""
    return url.startswith((address, "data:", "blob:"))


@pytest.fixture(params=[(width, scheme) for width in WIDTHS for scheme in ("light", "dark")], ids="-".join)
def opened(request, browser, address):
    """The page, opened; whatever it complains of or asks the network for fails the test."""
    name, scheme = request.param
    context = browser.new_context(viewport={"width": WIDTHS[name], "height": 800}, color_scheme=scheme)
    page, faults = context.new_page(), []
    page.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda asked: None if is_own(asked.url, address) else faults.append(asked.url))
    page.goto(address)
    yield page
    context.close()
    assert faults == []


def shown(page) -> set[str]:
    """Methods of which the first panel has a curve."""
    return set(page.evaluate("document.querySelector('.plot.curves').data.map((trace) => trace.name)"))


def reach(page, panel: str = ".plot.curves") -> float:
    """Where a panel's axis ends."""
    return page.evaluate(f"document.querySelector('{panel}').layout.xaxis.range[1]")


def test_nothing_is_in_the_way_of_anyone(opened):
    assert opened.evaluate("document.documentElement.scrollWidth") <= opened.viewport_size["width"]
    found = [
        f"{each['id']}: {each['nodes'][0]['html']}"
        for each in Axe().run(opened).response["violations"]
        if each["impact"] in HARMFUL
    ]
    assert found == []


@pytest.fixture
def desk(browser, address):
    context = browser.new_context(viewport={"width": 1400, "height": 800})
    page = context.new_page()
    page.goto(address)
    yield page
    context.close()


def test_a_request_and_an_error_would_be_noticed(browser, address):
    page, asked, said = browser.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(address)
    page.evaluate("fetch('http://localhost:1/x').catch(() => null)")
    page.wait_for_timeout(200)
    page.close()
    assert any("Content Security Policy" in text for text in said), "the page's own policy forbids it"
    assert [url for url in asked if url.startswith("http")] == []


def test_methods_go_and_come_by_the_keyboard(desk):
    assert shown(desk) == set(NAMES)
    button = desk.get_by_role("button", name="DAC")
    button.focus()
    desk.keyboard.press("Enter")
    assert shown(desk) == {"smiling", "bc"}
    assert button.get_attribute("aria-pressed") == "false"
    desk.keyboard.press("Space")
    assert shown(desk) == set(NAMES)


def test_first_stop_of_the_keyboard_leads_past_the_menu(desk):
    desk.keyboard.press("Tab")
    assert desk.evaluate("document.activeElement.textContent") == "Skip to the findings"
    assert desk.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_axis_is_steps_or_wall_time(desk):
    assert reach(desk) == pytest.approx(3000 * 1.02)
    desk.get_by_label("wall time").check()
    assert reach(desk) == pytest.approx(2 * 1.02)
    assert "Wall time of a run (hours)" in desk.locator(".plot.curves").first.text_content()
    assert desk.locator("#time-note").is_visible()


def test_a_seed_is_told_when_it_is_pointed_at(desk):
    place = desk.evaluate(
        """() => {
          const plot = document.querySelector('.plot.curves');
          plot.scrollIntoView({ block: 'center', behavior: 'instant' });
          const trace = plot.data.find((each) => each.name === 'dac' && each.line.width === 1);
          const { xaxis, yaxis } = plot._fullLayout;
          const box = plot.getBoundingClientRect();
          return [box.x + xaxis._offset + xaxis.l2p(trace.x[1]), box.y + yaxis._offset + yaxis.l2p(trace.y[1])];
        }"""
    )
    desk.mouse.move(*place)
    desk.wait_for_selector(".hovertext")
    said = desk.locator(".hovertext").first.text_content()
    assert "DAC, seed 0" in said
    assert "step 1,000" in said
    assert "return " in said
    assert "normalised " in said


def test_numbers_of_a_panel_open_as_a_table(desk):
    desk.get_by_text("Numbers of Ball in cup: catch").first.click()
    table = desk.locator("details.numbers table").first
    assert table.locator("thead th").all_text_contents() == ["step", "SMILING", "DAC", "BC"]
    assert table.locator("tbody tr").count() == 4


def test_a_film_plays(desk):
    seconds = desk.evaluate(
        """async () => {
          const film = document.querySelector('video');
          await film.play();
          const before = film.currentTime;
          const moved = (done) => film.addEventListener('timeupdate', () => film.currentTime > before && done());
          await Promise.race([new Promise(moved), new Promise((_, late) => setTimeout(late, 10000))]);
          return film.currentTime - before;
        }"""
    )
    assert seconds > 0
    assert desk.evaluate("document.querySelector('video').videoWidth") == 64
