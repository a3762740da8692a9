# `make bench` measures and writes bench/results.md; ROWS is the size of the bulk import.
ROWS ?= 1000000

.PHONY: check bench
check:
	./check

bench: .venv-check
	PYTHONPATH=src:tests .venv-check/bin/python -m bench --rows $(ROWS)

.venv-check:
	python3 -m venv .venv-check
	.venv-check/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
