# Everything a clone needs, on a machine with Python 3.11 and make: `make demo`, `make test`.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
LIMIT ?= 25
JOBS ?= 2
RUNS ?= runs
TITLE ?= spatialbench results

export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo lab-results lab-esplora test gate check docs site dist install clean
.DEFAULT_GOAL := test

install: $(INSTALLED)

# torch goes first and alone: whatever is resolved later then keeps the build it got.
$(INSTALLED): pyproject.toml setup.py constraints.txt
	"$(PYTHON)" -m venv "$(VENV)"
	"$(BIN)/python" -m pip install --quiet torch
	"$(BIN)/python" -m pip install --quiet --editable ".[dev]"
	@touch "$@"

demo: $(INSTALLED)
	"$(BIN)/spatialbench" run --method sd --bench visor --limit $(LIMIT)
	"$(BIN)/spatialbench" run --method infsplign --bench visor --limit $(LIMIT)
	"$(BIN)/spatialbench" leaderboard runs/visor/sd@lab runs/visor/infsplign@lab

# The tables of results/lab that recipes make, JOBS rows at a time: a day of two cores, minutes of a GPU.
# T2I-CompBench's prompts must be there: `spatialbench fetch t2i-compbench`, or SPATIALBENCH_T2I_COMPBENCH.
lab-results: $(INSTALLED)
	"$(BIN)/python" -m tests.measurements.lab_results --jobs $(JOBS) --minutes 2000 --work build/lab/results

# ESPLoRA's training on the lab and what it gives: about two hours of one core.
lab-esplora: $(INSTALLED)
	OMP_NUM_THREADS=1 PATH="$(CURDIR)/$(BIN):$$PATH" results/lab/esplora.sh build/lab/esplora

# One process per core, one thread each: threads of several test processes would fight for the cores, and
# where a test needs more of them, they sleep while they wait.
test: $(INSTALLED)
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive "$(BIN)/python" -m pytest --numprocesses auto --dist loadfile

# Exit status 0, 1 or 2; the image run continues where an earlier one stopped.
gate: $(INSTALLED)
	OMP_NUM_THREADS=2 OMP_WAIT_POLICY=passive "$(BIN)/spatialbench" run --method infsplign --bench visor --limit 25 --out build/gate
	"$(BIN)/spatialbench" gate build/gate --against results/gates/lab-visor.json \
		--junit build/gate.xml --markdown build/gate.md

check: $(INSTALLED)
	"$(BIN)/ruff" check .
	"$(BIN)/ruff" format --check .
	"$(BIN)/mypy"

# The pages of the repository as a site, build/docs/index.html; a link or an anchor that leads nowhere
# inside it is an error.
docs: $(INSTALLED)
	"$(BIN)/python" -m sphinx --fail-on-warning --keep-going --quiet -b html -c docs . build/docs
	@echo build/docs/index.html

# Pages of all runs, build/site/index.html.
site: $(INSTALLED)
	"$(BIN)/spatialbench" site $(RUNS) --out build/site --title "$(TITLE)"

# The sdist, the wheel made from it, and what an index would say of their metadata.
dist: $(INSTALLED)
	rm -rf dist
	"$(BIN)/python" -m pip install --quiet build twine
	"$(BIN)/python" -m build
	"$(BIN)/python" -m twine check --strict dist/*

clean:
	rm -rf "$(VENV)" build dist spatialbench.egg-info
