# A thin front: what happens is in CMakePresets.json and tools/. `make demo` and `make test` need nothing prepared.
PREFIX ?= /usr/local
RUNS ?= 50
MODE ?= full
SEEDS ?= 5000
FIRST ?= 100001
TURNS ?= 10000

.PHONY: help demo test build install format lint asan tsan fuzz random soak apicheck bench clean

help:
	@echo 'make demo     a game server is repaired while it runs (half a minute)'
	@echo 'make test     builds and runs the whole test suite'
	@echo 'make build    release build in build/release'
	@echo 'make install  installs it below PREFIX ($(PREFIX))'
	@echo 'make asan     the tests under the address and undefined-behaviour sanitizers'
	@echo 'make tsan     the tests under the thread sanitizer'
	@echo 'make fuzz     a short run of the fuzzers'
	@echo 'make random   random programs against a model of the merge: SEEDS=5000 of them from FIRST=100001 on'
	@echo 'make soak     pushes and reverts without end, nothing may grow: TURNS=10000 by the module, as many by the command'
	@echo 'make apicheck the tests that run Lua, with a Lua that checks its callers (fetches its source)'
	@echo 'make bench    measures; a table, and build/bench.json (MODE=quick: less than a minute)'
	@echo 'make lint     layout, clang-tidy, shellcheck'
	@echo 'make format   rewrites the C sources in the one layout'
	@echo 'make clean    removes build/'

demo: build
	@examples/demo.sh build/release

build:
	@tools/install-deps.sh demo
	@tools/build.sh release

test:
	@tools/install-deps.sh test
	@tools/build.sh dev
	@ctest --preset dev

install:
	@tools/install-deps.sh demo
	@tools/build.sh release -DCMAKE_INSTALL_PREFIX=$(PREFIX)
	@cmake --install build/release

asan tsan fuzz:
	@tools/install-deps.sh $(if $(filter fuzz,$@),fuzz,test)
	@tools/build.sh $@
	@ctest --preset $@

random:
	@tools/install-deps.sh test
	@tools/build.sh dev -DSTRESS_SEEDS=$(SEEDS) -DSTRESS_FIRST=$(FIRST)
	@cmake --build build/dev --target stress-random

soak:
	@tools/install-deps.sh test
	@tools/build.sh dev -DSTRESS_TURNS=$(TURNS)
	@cmake --build build/dev --target stress-soak

apicheck:
	@tools/install-deps.sh test
	@tools/lua-apicheck.sh

bench: build
	@bench/run.sh build/release $(RUNS) $(MODE) >build/bench.json

lint:
	@tools/install-deps.sh test lint
	@tools/lint.sh

format:
	@tools/install-deps.sh lint
	@tools/lint.sh --fix

clean:
	rm -rf build
