# `make bench` measures everything on both databases and writes bench/results.md: more than an hour.
# Smaller, or in part: make bench RECORDS=80000 GROWTH=20000,80000 ROWS=50000 EVENTS=50000 PARTS=5000
#                      make bench ONLY=create,get ENGINE=sqlite
RECORDS ?= 1000000
GROWTH ?= 100000,10000000
ROWS ?= 1000000
EVENTS ?= 1000000
PARTS ?= 100000
ROUND_S ?= 3
ROUNDS ?= 5

.PHONY: check bench
check:
	./check

bench: .venv-check .venv-peers
	PYTHONPATH=src:tests .venv-check/bin/python -m bench --records $(RECORDS) --growth $(GROWTH) \
	  --rows $(ROWS) --events $(EVENTS) --parts $(PARTS) --seconds $(ROUND_S) --rounds $(ROUNDS) \
	  $(if $(ONLY),--only $(ONLY)) $(if $(ENGINE),--engine $(ENGINE))

.venv-check:
	python3 -m venv .venv-check
	.venv-check/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt

# Who Offset is measured beside: an environment of their own, so that ./check needs none of it.
.venv-peers: bench/peers/requirements.txt
	python3 -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch .venv-peers
