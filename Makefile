# The two commands are `make study` and `make test`; both make .venv first, and only when something changed.
PYTHON ?= python3
PROFILE ?= demo
BACKEND ?= tensorflow
WORKERS ?= 2
RESULTS ?= runs/$(PROFILE)
# More options for either command, e.g. make study ARGS="--only 06 --data DIR", make test ARGS="-k splits"
ARGS ?=

BIN := .venv/bin
READY := .venv/.ready
export TF_CPP_MIN_LOG_LEVEL ?= 2

.PHONY: study test test-fast test-browser check smoke figures baseline site docs handout lab lock clean
.DELETE_ON_ERROR:

study: $(READY)
	$(BIN)/leuknet study --profile $(PROFILE) --backend $(BACKEND) $(ARGS)

# A file's tests share what it built and trained, so each file is one worker's; tests/conftest.py orders the files.
SHARED := -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test: $(READY)
	$(BIN)/python -m pytest $(SHARED) $(ARGS)

# The quick tier, for every save: no kernel, no cluster, no kill, nothing that takes seconds.
test-fast: $(READY)
	$(BIN)/python -m pytest $(SHARED) -m "not slow and not real" $(ARGS)

# The pages of `make smoke` and the widgets in a real JupyterLab, in headless Chromium, which Playwright fetches where the
# machine has none.
test-browser: $(READY)
	$(BIN)/python tests/chromium.py
	$(BIN)/python -m pytest tests/browser_pages.py tests/browser_widgets.py $(ARGS)

# The limits of count_code.py are today's sizes, not the goals (11 000, 9 000, 350 and 13): lower them with every cut.
check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python tools/count_code.py --total 15480 --notebooks 9480 --body 8 --file 350 --level 13

# Every page in the smallest profile, on one backend, and what the pages show: make smoke BACKEND=jax
smoke: $(READY)
	$(BIN)/leuknet study --profile smoke --backend $(BACKEND) --out runs/smoke-$(BACKEND) $(ARGS)
	$(BIN)/python tools/check_pages.py runs/smoke-$(BACKEND) tests/golden/smoke.csv

# Renews the committed figures from a demo run of all pages.
figures: $(READY)
	rm -rf runs/demo/figures
	$(BIN)/leuknet study --profile demo --out runs/demo
	$(BIN)/leuknet pages gallery runs/demo figures
	$(BIN)/python tools/reduce_figures.py figures

# Renews the pictures that tests/test_plots_images.py compares with; look at each before you commit it.
baseline: $(READY)
	$(BIN)/python -m pytest tests/test_plots_images.py --mpl-generate-path=tests/baseline

# The documentation as one static site that opens from disk: guides, the executed pages, figures and report of RESULTS,
# and the API. Nothing is executed. `make docs` makes it without results, in docs/_build.
site: $(READY)
	$(BIN)/leuknet report $(RESULTS)
	LEUKNET_RESULTS=$(abspath $(RESULTS)) $(BIN)/sphinx-build -q -d docs/_build/doctrees docs $(RESULTS)/site
	$(BIN)/python tools/check_links.py $(RESULTS)/site

docs: $(READY)
	$(BIN)/sphinx-build -q -d docs/_build/doctrees docs docs/_build/html
	$(BIN)/python tools/check_links.py docs/_build/html

# The student edition: every page without its answers.
handout: $(READY)
	$(BIN)/leuknet pages handout runs/handout

lab: $(READY)
	$(BIN)/jupyter lab notebooks

$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit((3, 11) > v[:2] or v[:2] > (3, 13))' || \
	{ echo 'error: Python 3.11, 3.12 or 3.13 is needed; name one, e.g. make study PYTHON=python3.12' >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

# Needs the network; run it after changing the dependencies in pyproject.toml (--upgrade for newer releases).
lock:
	$(BIN)/uv pip compile pyproject.toml --extra dev --extra site --extra cluster --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet $(ARGS) --output-file requirements.lock
	$(BIN)/python tools/pin_environment.py

clean:
	rm -rf .venv build dist *.egg-info
