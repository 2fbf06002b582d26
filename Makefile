# Two commands for people: make demo, make test. One for contributors: make check.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DESK   ?= deskcast-demo
TESTS  ?= tests
# Two workers on two cores: the many small matrices are solved by one thread each, or the threads fight.
ALONE  := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
ROOMS  := features forecasting models extend pipelines

.PHONY: demo test test-all test-page check bench docs format wheel clean

demo: $(VENV)/.installed
	$(BIN)/deskcast demo $(DESK)

# What takes longer than about ten seconds is left to test-all.
test: $(VENV)/.dev
	$(ALONE) $(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m "not slow" $(TESTS)

test-all: $(VENV)/.dev
	$(ALONE) $(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder $(TESTS)

# Every page in a real browser; skipped where Chromium is missing.
test-page: $(VENV)/.dev
	$(ALONE) $(BIN)/pytest -q tests/pipelines/pages/test_browser.py tests/pipelines/pages/test_browser_plans.py

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	mkdir -p build/types && ln -sfn ../.. build/types/deskcast
	$(BIN)/mypy -m deskcast $(ROOMS:%=-p deskcast.%)
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/test_packaging.py -k "not wheel"

# Every volume set in one table; needs the data folder beside the repository.
bench: $(VENV)/.dev
	$(ALONE) $(BIN)/python benchmarks/bench.py --out build/benchmarks.md

docs: $(VENV)/.dev
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/make_site.py

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel: $(VENV)/.dev
	$(BIN)/python -m build --wheel

clean:
	rm -rf build dist *.egg-info $(VENV) $(DESK)

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@ $(VENV)/.installed
