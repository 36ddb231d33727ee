# Three commands are enough: `make reference`, `make figure3` and `make test`. Each sets up by itself.
PYTHON ?= python3
VENV := .venv
CORES ?= all
# Those that come with the suite are of quick when it had others.
STEPS_OF_ABLATIONS = --set tasks.ball_in_cup_catch.env_steps=32000 --set tasks.cheetah_run.env_steps=12000
# All methods whose curves come with the suite.
ON_THE_LEADERBOARD = --set methods=[smiling,dac,iq_learn,bc,adril,drail,gmmil,red,pwil,difo,bco,diffusion_policy]
DESK = --scale desk --results results/reference/desk
PYTEST = pytest -n $$(python -c "import os; print(len(os.sched_getaffinity(0)))") --dist loadfile --no-loadscope-reorder
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: figure3 reference tables check-bits test test-all check lint setup lock clean-setup

figure3: setup
	snakemake --cores $(CORES) --nolock --rerun-incomplete figure3

# The README's picture and table, the page, what the paper's choices do, and docs/results.md's picture, from the curves
# that come with the suite.
reference: setup
	mkdir -p figures/reference/desk
	python src/draw_curves.py --figure figure3 --results results/reference/quick --out figures/reference/figure3
	python src/write_leaderboard.py --results results/reference/quick $(ON_THE_LEADERBOARD) --out figures/reference/leaderboard
	python src/summarise.py --results results/reference/quick --out figures/reference/results
	python src/draw_page.py --results results/reference/quick --out figures/reference/index
	python src/draw_ablations.py --results results/reference/ablations $(STEPS_OF_ABLATIONS) --out figures/reference/ablations
	python src/draw_curves.py $(DESK) --figure figure3 --out figures/reference/desk/figure3
	python src/draw_curves.py $(DESK) --figure figure4 --out figures/reference/desk/figure4
	python src/draw_curves.py $(DESK) --figure figure5 --out figures/reference/desk/figure5
	python src/summarise.py $(DESK) --out figures/reference/desk/results
	python src/check_claims.py $(DESK) --out figures/reference/desk/claims
	python src/draw_page.py $(DESK) --out figures/reference/desk/index

# The tables of docs/results.md, and the README's first, from the curves that come with the suite.
tables: setup
	python src/fill_tables.py README.md docs/results.md --scale desk --results results/reference/desk \
		--tries results/reference/desk-tries --fits results/reference/expert-fit \
		--policy-rewards results/reference/policy-rewards \
		--throughput results/reference/throughput/desk.csv

# Whether this machine computes what the golden digests say (docs/reproducibility.md).
check-bits: setup
	python src/measure/check_bits.py
	python src/measure/check_bits.py --quick

test: lint
	$(PYTEST) -m "not slow"

# Also what takes whole minutes each: learning under DreamerV3, the tutorial, emulated processors (Debian's qemu-user).
test-all: lint
	$(PYTEST)

# While working: linters, types, layers, and the tests that need no training.
check: lint
	$(PYTEST) -m "not long and not slow"

lint: setup
	ruff check .
	ruff format --check .
	snakefmt --check --line-length 120 Snakefile workflow/rules
	snakemake --lint
	lint-imports
	mypy

# The environment, made anew where it does not fit. PYTHON=python3.12 asks for that one and no other.
setup:
	@$(PYTHON) workflow/setup $(if $(filter file,$(origin PYTHON)),,--asked)

# Resolve the ranges of pyproject.toml anew into requirements.lock, with other people's tasks and demonstrations.
lock:
	rm -rf .lock-venv
	$(PYTHON) -m venv .lock-venv
	PATH=$(CURDIR)/.lock-venv/bin:$$PATH python -m pip install --quiet "$$(grep "^torch==" requirements.lock)" ".[gymnasium,minari]"
	workflow/write_lock .lock-venv/bin/python
	rm -rf .lock-venv

clean-setup:
	rm -rf $(VENV)
