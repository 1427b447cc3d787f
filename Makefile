# The one door. Every target works in a fresh clone with Python >= 3.11; the environment is made on first use.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Two workers suit a small machine; tests that start real servers are light enough to run side by side.
WORKERS ?= 2
# scrape_targets.py serves others and does not end by itself.
BENCHMARKS := $(filter-out %/scrape_targets.py,$(wildcard benchmarks/[a-z]*.py))

.PHONY: help run test lint check panel format bench docs clean

help: ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

$(BIN)/fenghuo: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable '.[test]'
	@touch $@

run: $(BIN)/fenghuo ## Start the server; the panel is at http://127.0.0.1:9470
	$(BIN)/fenghuo up

test: $(BIN)/fenghuo ## Run all tests
	$(BIN)/pytest -n $(WORKERS) --dist loadfile

check: lint test ## Everything that CI runs

panel: ## Build the panel anew; needs Node.js >= 20.19
	cd ui && npm ci --include=dev && npm run build

lint: $(BIN)/fenghuo ## Format, lint, types, imports, reference pages, the panel's sources
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check
	$(BIN)/python hatch_build.py

format: $(BIN)/fenghuo ## Put every file into its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(BIN)/fenghuo ## Measure every hot path, peers beside it
	for file in $(filter-out benchmarks/scrape_targets.py,$(wildcard benchmarks/[a-z]*.py)); do $(BIN)/python $$file || exit 1; done

docs: $(BIN)/fenghuo ## Write the reference pages anew
	$(BIN)/python docs/generate.py

clean: ## Remove the environment, caches and built files
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache src/fenghuo/web/panel ui/node_modules
