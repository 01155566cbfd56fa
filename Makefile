# make demo   install and train: the first thing to try
# make test   everything CI checks: format, lint, types, floors, tests
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
EXTRAS ?= dev,train,mnist,plot,triton,parquet,images,augment,search
CONSTRAINTS ?= constraints.txt
# Two workers with one thread each: the tests are many and small.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

.PHONY: demo install test test-all test-libraries test-many test-ray test-lowest lint types floors coverage zoo zoo-confirm recipes bench format clean

demo: $(BIN)/unstuck
	$(BIN)/unstuck train

install: $(BIN)/.dev

$(BIN)/unstuck: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) --editable '.[train]'
	@touch $@

$(BIN)/.dev: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) --editable '.[$(EXTRAS)]'
	@touch $@ $(BIN)/unstuck

test: install lint types floors
	$(PYTEST)

test-all: install
	$(PYTEST) -m 'slow or not slow'

# Trainings by the loops of other libraries, healthy and with faults (tests/libraries/), with the real packages.
test-libraries: install
	$(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) --editable '.[libraries]'
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m 'slow or not slow' tests/libraries

# Sweeps that many machines work on: PostgreSQL (apt-get install postgresql) and Optuna's gRPC server, started here.
test-many: install
	$(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) --editable '.[search-many]'
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow tests/sweep/test_many.py

# A sweep on a Ray cluster that is started here.
test-ray: install
	$(BIN)/python -m pip install --quiet --editable '.[search-ray]'
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow tests/sweep/test_on_ray.py

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: install
	$(BIN)/pyright

floors: install
	$(BIN)/lint-imports

coverage: install
	$(PYTEST) --cov --cov-report=term --cov-report=html

# The lowest versions that pyproject.toml allows, but for torch, which has no small build of its lowest version.
test-lowest:
	$(MAKE) test-lowest-in VENV=.venv-lowest CONSTRAINTS=constraints-lowest.txt
.PHONY: test-lowest-in
test-lowest-in: install
	$(PYTEST)

zoo: install
	$(BIN)/python -m tests.zoo

# How often trials confirm the diagnosis of the zoo's scripts: a sample of every 20th, or as CONFIRM says
# (make zoo-confirm CONFIRM='--every 1 --minutes 2', about eight hours on two cores).
zoo-confirm: install
	$(BIN)/python -m tests.zoo.confirm $(CONFIRM)

# Every recipe that is shipped, in full; ends with an error at the first whose verdict is not the one that it shows.
recipes: install
	@set -e; for recipe in $(basename $(notdir $(wildcard src/unstuck/recipes/*.toml))); do \
	  echo "== $$recipe"; $(BIN)/unstuck train $$recipe --strict; done

bench: install
	$(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) --editable '.[bench]'
	$(BIN)/python benchmarks/optimizers.py
	$(BIN)/python benchmarks/surfaces.py
	$(BIN)/python benchmarks/landscape.py
	$(BIN)/python benchmarks/second_order.py
	$(BIN)/python benchmarks/gradcheck.py
	$(BIN)/python benchmarks/watching.py
	$(BIN)/python benchmarks/sampled_step.py
	$(BIN)/python benchmarks/reading.py
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/stacked.py
	$(BIN)/python benchmarks/advice.py
	$(BIN)/python benchmarks/sweep.py

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .venv-lowest dist .pytest_cache .ruff_cache .hypothesis htmlcov .coverage
