# `make help` lists the targets. Needs make and Python 3.11 to 3.14: the first usable one on the
# PATH, or the one in PYTHON.

# Each of the many processes of a run would compile the whole of lct again.
unexport PYTHONDONTWRITEBYTECODE

RUN := .venv
DEV := .venv-dev
# Four processes even on two cores, since parts of the suite wait. The tests of a file share
# servers, so they stay together.
SIDE_BY_SIDE := --numprocesses $(or $(JOBS),4) --dist loadfile --no-loadscope-reorder
# One lock for every Python and system that lct supports, told apart by markers. The packages left
# out are for PyPy and Windows only.
LOCK_FLAGS := --quiet --no-config --universal --python-version 3.11 --generate-hashes \
	$(foreach name,brotlicffi cffi pycparser colorama pywin32,--no-emit-package $(name))

.DEFAULT_GOAL := help
.PHONY: help run test suite test-fast test-store test-drills test-cluster fresh-machines check lint format types imports bench load fuzz lock audit sbom docs clean browser image image-check drills races

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(RUN)/requirements.lock ## start lct on this machine, until Ctrl-C
	@$(RUN)/bin/python -m lct up

# The checks run beside the tests, which leave a processor idle now and then.
test: $(DEV)/requirements-dev.lock browser ## everything that CI runs: checks and all tests
	@$(MAKE) --no-print-directory --jobs=2 check suite

suite: $(DEV)/requirements-dev.lock
	$(DEV)/bin/python -m pytest $(SIDE_BY_SIDE)

test-fast: $(DEV)/requirements-dev.lock ## the tests that are fast and need no browser
	$(DEV)/bin/python -m pytest -m "not slow and not browser and not drill"

test-store: $(DEV)/requirements-dev.lock ## the event store's contract, on the server in LCT_MONGO_URI
	$(DEV)/bin/python -m pytest tests/test_store_contract.py

test-drills: $(DEV)/requirements-dev.lock browser ## long waits and long random runs, several minutes
	$(DEV)/bin/python -m pytest -m drill

test-cluster: $(DEV)/requirements-dev.lock browser ## three instances behind nginx, 300 screens, one fault after another
	$(DEV)/bin/python -m pytest -s tests/cluster

fresh-machines: ## make run and an evening on empty Debians; needs root on Linux, ONLY=trixie for one
	@$$(sh tools/find_python.sh $(PYTHON)) -m tools.fresh_machine $(or $(ONLY),bookworm trixie forky)

check: lint types imports ## lint, types and import rules, no tests

lint: $(DEV)/requirements-dev.lock ## check style and formatting
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .

types: $(DEV)/requirements-dev.lock ## types; strict in the domain, the application and the web
	$(DEV)/bin/mypy

imports: $(DEV)/requirements-dev.lock ## check the import rules
	$(DEV)/bin/lint-imports

format: $(DEV)/requirements-dev.lock ## format the code and fix what ruff can
	$(DEV)/bin/ruff check --fix-only .
	$(DEV)/bin/ruff format .

bench: $(DEV)/requirements-dev.lock browser ## measure; ONLY=name for one of them
	$(DEV)/bin/python -m bench $(ONLY)

load: $(DEV)/requirements-dev.lock ## put load on a new `lct up`; ONLY=create, assign, get or evening
	$(DEV)/bin/python -m bench.load $(ONLY)

audit: $(DEV)/requirements-dev.lock ## ask PyPI for known vulnerabilities of every locked package; needs a network
	for name in requirements requirements-tracing requirements-dev; do \
		$(DEV)/bin/pip-audit --strict --require-hashes --disable-pip --progress-spinner off \
			--requirement $$name.lock || exit 1; \
	done

docs: $(DEV)/requirements-dev.lock ## generate docs/events.md, docs/rights.md and lct/locale/lct.pot
	$(DEV)/bin/python -m tools.event_docs > docs/events.md.new && mv docs/events.md.new docs/events.md
	$(DEV)/bin/python -m tools.rights_table > docs/rights.md.new && mv docs/rights.md.new docs/rights.md
	$(DEV)/bin/python -m tools.texts > lct/locale/lct.pot.new && mv lct/locale/lct.pot.new lct/locale/lct.pot

sbom: $(DEV)/requirements-dev.lock ## write the software bill of materials, sbom.json
	$(DEV)/bin/python -m tools.sbom > sbom.json

image: ## build the image with docker, podman or buildah
	@sh tools/image.sh

image-check: $(DEV)/requirements-dev.lock ## build the image, then play, stop and roll it; installs what it needs on Debian
	@sh tools/image_check.sh $(DEV)/bin/python

races: $(DEV)/requirements-dev.lock ## race a device against its revocation 200 times, over HTTP
	$(DEV)/bin/python -m tests.races

drills: test-drills races test-cluster image-check fresh-machines ## slow checks that `make test` leaves out

fuzz: $(DEV)/requirements-dev.lock ## fuzz the parsers, SECONDS=600; Linux on x86-64
	$(DEV)/bin/python -m tests.fuzz.targets var/fuzz -max_total_time=$(or $(SECONDS),600)

lock: $(DEV)/requirements-dev.lock ## resolve the three .lock files again; UPGRADE=1 takes newer versions
	constraints=; for name in requirements requirements-tracing requirements-dev; do \
		$(DEV)/bin/uv pip compile $(LOCK_FLAGS) --custom-compile-command "make lock" \
			$$constraints \
			$(if $(UPGRADE),--upgrade) --output-file $$name.lock $$name.in || exit 1; \
		constraints="$$constraints --constraint $$name.lock"; \
	done

clean: ## remove what the targets made; the data in var/ stays
	rm -rf sbom.json .venv .venv-dev .pytest_cache .mypy_cache .ruff_cache .hypothesis \
		.import_linter_cache build *.egg-info
	find lct templates bench tests tools -name __pycache__ -prune -exec rm -rf {} +

browser: $(DEV)/requirements-dev.lock ## look for a Chromium, and install one if there is none
	@sh tests/install_browser.sh $(DEV)

# A virtual environment is rebuilt when its lock file is newer than the copy in it.
$(RUN)/requirements.lock: requirements.lock
	@sh tools/make_venv.sh $(RUN) $< $(PYTHON)

$(DEV)/requirements-dev.lock: requirements-dev.lock
	@sh tools/make_venv.sh $(DEV) $< $(PYTHON)
