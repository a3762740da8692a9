# `make bench` measures and writes bench/results.md: ROWS are imported, EVENTS are in the log.
ROWS ?= 1000000
EVENTS ?= 1000000

.PHONY: check bench
check:
	./check

bench: .venv-check
	PYTHONPATH=src:tests .venv-check/bin/python -m bench --rows $(ROWS) --events $(EVENTS)

.venv-check:
	python3 -m venv .venv-check
	.venv-check/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
