# The one door to every habit. `make install` is done by whatever needs it.

PYTHON ?= python3
BIN := .venv/bin
# EXTRAS=cluster adds what bulk answers need.
EXTRAS ?=
EXTRA_LOCKS := $(EXTRAS:%=requirements-%.lock)
INSTALLED := .venv/installed$(EXTRAS:%=-%)

.PHONY: install demo test test-long lint format bench docs lock fresh-debian clean

install: $(INSTALLED)

$(INSTALLED): pyproject.toml requirements.lock $(EXTRA_LOCKS)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(patsubst %,-r %,requirements.lock $(EXTRA_LOCKS))
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

demo: install
	rm -rf demo
	$(BIN)/python examples/story.py demo

# Two at a time: half of the tests wait for a process that starts.
test: lint
	$(BIN)/python -m pytest -n 2 --dist worksteal

# What takes minutes.
test-long: install
	$(BIN)/python -m pytest -m long -s

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python docs/write_commands.py --check
	$(BIN)/python docs/write_house.py --check
	$(BIN)/python docs/write_messages.py --check

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# OPTIONS=--long measures everything, which takes more than an hour.
bench: bench/.venv/installed
	bench/.venv/bin/python bench/run.py $(OPTIONS)

# The peers live in an environment of the bench's own.
bench/.venv/installed: pyproject.toml requirements.lock requirements-cluster.lock bench/requirements.lock
	$(PYTHON) -m venv bench/.venv
	bench/.venv/bin/python -m pip install --quiet --disable-pip-version-check \
		-r requirements.lock -r requirements-cluster.lock -r bench/requirements.lock
	bench/.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

docs: install
	$(BIN)/python docs/write_commands.py
	$(BIN)/python docs/write_house.py
	$(BIN)/python docs/write_messages.py
	$(BIN)/python docs/write_licences.py

# Pins every package for Python 3.11 to 3.13, without addresses.
lock: install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile pyproject.toml --extra audit --extra sound --extra jax --extra dev --universal --python-version 3.11 \
		--no-emit-index-url --no-emit-find-links --quiet --custom-compile-command "make lock" \
		--output-file requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra cluster-dev --constraint requirements.lock --universal \
		--python-version 3.11 --no-emit-index-url --no-emit-find-links --quiet --custom-compile-command "make lock" \
		--output-file requirements-cluster.lock

# A bare Debian in a folder, and `make demo` and `make test` in it; for releases. Wants root and debootstrap.
SUITE ?= trixie
fresh-debian:
	release/fresh_debian.sh $(SUITE) $(FOLDER)

clean:
	rm -rf .venv bench/.venv demo build dist
