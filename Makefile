# The one door to every habit. `make install` is done by whatever needs it.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed

.PHONY: install demo test lint format bench docs lock clean

install: $(INSTALLED)

$(INSTALLED): pyproject.toml requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

demo: install
	rm -rf demo
	$(BIN)/python examples/story.py demo

test: lint
	$(BIN)/python -m pytest

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python docs/write_commands.py --check

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install
	$(BIN)/python bench/run.py

docs: install
	$(BIN)/python docs/write_commands.py

# Pins every package for Python 3.11 to 3.13, without addresses.
lock: install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile pyproject.toml --extra train --extra dev --universal --python-version 3.11 \
		--no-emit-index-url --no-emit-find-links --quiet --custom-compile-command "make lock" \
		--output-file requirements.lock

clean:
	rm -rf .venv demo build dist
