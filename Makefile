# `make` lists what there is. Everything works from a fresh clone and sets up what it needs.
CACHE = $${XDG_CACHE_HOME:-$$HOME/.cache}/pyrpc-thrift$(CURDIR)
export PYTHON

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 14

demo:  ## the main job on real pictures, on four nodes of this machine
	@sh scripts/venv.sh .venv -e '.[all]'
	@.venv/bin/pyrpc demo

test:  ## the whole tox matrix; installs missing toolchains when it may
	@sh scripts/venv.sh "$(CACHE)/+tool" 'tox>=4.30'
	@"$(CACHE)/+tool/bin/python" scripts/test.py

sample:  ## the Java sample: learns to read a folder of pictures, on two nodes of this machine
	@sh scripts/venv.sh .venv -e '.[all]'
	@.venv/bin/python scripts/sample.py

gen:  ## generated code from thrift/pyrpc.thrift (needs the Thrift compiler)
	@python3 scripts/gen.py

bench:  ## measure against peers, in one run
	@sh scripts/venv.sh .venv -e '.[all]'
	@.venv/bin/python -m benchmarks

nightly:  ## simulate more jobs under faults: SEEDS=1000000 MINUTES=60, other seeds each day
	@sh scripts/venv.sh .venv -e '.[all]'
	@.venv/bin/python -m tests.simulation --count $${SEEDS:-1000000} --minutes $${MINUTES:-60} $${FIRST:+--first $$FIRST}

fuzz:  ## look for bytes that break a decoder, for longer: MINUTES=60 each, TARGET=serve, reply or many
	@sh scripts/venv.sh "$(CACHE)/+tool" 'tox>=4.30'
	@PYRPC_FUZZ_SECONDS=$$((60 * $${MINUTES:-60})) "$(CACHE)/+tool/bin/tox" run -q -e fuzz -- $${TARGET}

rolling:  ## restart three nodes in turn under load: RESTARTS=100, WORKERS=1; no call may fail
	@sh scripts/venv.sh .venv -e '.[all]'
	@.venv/bin/python -m tests.faults.rolling --restarts $${RESTARTS:-100} --workers $${WORKERS:-1}

lint:  ## ruff and mypy alone
	@sh scripts/venv.sh "$(CACHE)/+tool" 'tox>=4.30'
	@"$(CACHE)/+tool/bin/tox" run -q -e lint

clean:  ## remove what the targets above made
	rm -rf .venv build dist java-client/target java-client/samples/target py/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis "$(CACHE)/+tool" "$(CACHE)/+tox" "$(CACHE)/+bench-java"

.PHONY: help demo test sample gen bench nightly rolling fuzz lint clean
