# Everything runs in .venv, made from the pinned requirements; nothing is installed outside it.
PYTHON3 ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: demo test slow pages check format tables bench lock

demo: $(INSTALLED)  ## The main job on real data: label Reuters R8 from ten labels per class
	$(BIN)/dgm demo --output demo

# A process for each of two cores, one thread in each: TensorFlow's own threads would fight over them.
# Bytecode is kept, wherever else it is not: each process of the tests would compile the package.
test slow pages: export PYTHONDONTWRITEBYTECODE :=
test slow pages: export OMP_NUM_THREADS := 1
test slow pages: export TF_NUM_INTRAOP_THREADS := 1
test slow pages: export TF_NUM_INTEROP_THREADS := 1
test: $(INSTALLED)  ## All tests but those of `make slow` and `make pages`
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

slow: $(INSTALLED)  ## Whole jobs, compilations, long forms of quicker tests
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile -m slow

pages: $(INSTALLED)  ## The commands and the Python of README and docs
	$(BIN)/python -m pytest --numprocesses 2 -m pages tests/docs

check: $(INSTALLED)  ## Format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

tables: $(INSTALLED)  ## The docs' tables: settings from the classes, evidence from the results
	$(BIN)/python docs/settings_tables.py
	$(BIN)/python docs/evidence_tables.py
	$(BIN)/python docs/labelling_tables.py

bench: $(INSTALLED)  ## Every benchmark in its quick form; see benchmarks/README.md for the long ones
	@errors=$$(mktemp); wanting=$$(mktemp); failed=$$(mktemp); \
	for script in benchmarks/*.py; do \
		echo "== $$script"; \
		$(BIN)/python $$script --quick 2> $$errors; code=$$?; \
		case $$code in \
			0) ;; \
			66) echo "$$script: $$(tail -n 1 $$errors)" >> $$wanting ;; \
			*) echo "$$script: exit code $$code: $$(tail -n 1 $$errors)" >> $$failed ;; \
		esac; \
		cat $$errors >&2; \
	done; \
	if [ -s $$wanting ]; then echo "== Left out for want of data or a package"; cat $$wanting; fi; \
	if [ -s $$failed ]; then echo "== Failed"; cat $$failed; fi; \
	! [ -s $$failed ]; ended=$$?; rm -f $$errors $$wanting $$failed; exit $$ended

lock:  ## Renews requirements.lock from setup.py's ranges
	$(BIN)/pip-compile --quiet --strip-extras --extra beam --extra dev --extra encoder --extra review --extra serving \
		--extra tensorboard --no-emit-index-url --no-emit-find-links \
		--no-emit-trusted-host --no-header --output-file requirements.lock setup.py

$(INSTALLED): requirements.lock setup.py
	$(PYTHON3) -c "import sys; assert sys.version_info[:2] == (3, 11), 'tfp_dgm is locked for Python 3.11; set PYTHON3=/path/to/python3.11'"
	test -d $(VENV) || $(PYTHON3) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $(INSTALLED)
