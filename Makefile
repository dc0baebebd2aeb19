# All tasks of this repository. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

# The toolchain's usual place, for machines whose PATH does not have it.
export PATH := $(PATH):/opt/swift/usr/bin
# Without this, a crash starts a helper process that can hang for minutes and hold the output open.
export SWIFT_BACKTRACE := enable=no

# debug or release; what `run`, `contract` and `faults` start.
CONFIGURATION ?= debug
# Seconds for each fuzz target.
SECONDS ?= 60
# How often `make cluster-faults` tries each fault.
ROUNDS ?= 1
# Further arguments of what run, test, sanitize, browser, contract, conformance, cluster, faults and bench start (for example: --filter FrameBudget).
ARGS ?=

# A target that imports what it does not declare does not build.
SWIFT_FLAGS := --explicit-target-dependency-import-check error
BIN = $$(swift build -c $(CONFIGURATION) --show-bin-path)

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Install all missing tools to build, run and test (Debian)
	@.ci/setup build demo contract

.PHONY: build
build: ## Debug build of everything, tests included
	@.ci/setup build
	swift build $(SWIFT_FLAGS) --build-tests

.PHONY: release
release: ## Release build of the command, at .build/release/sluice
	@.ci/setup build
	swift build $(SWIFT_FLAGS) -c release --product sluice

.PHONY: run
run: ## The gateway with a real scan, live, with throw-away keys
	@.ci/setup build demo
	swift build $(SWIFT_FLAGS) -c $(CONFIGURATION) --product sluice
	@exec "$(BIN)/sluice" demo $(ARGS)

.PHONY: test
test: ## All Swift tests; browser, contract, conformance and faults are separate targets
	@.ci/setup build
	swift test $(SWIFT_FLAGS) --disable-xctest $(ARGS)

.PHONY: lint
lint: ## Format, names, sizes, imports, layers, words: seconds, no build
	@.ci/lint

.PHONY: format
format: ## Format all Swift files
	find Package.swift Plugins Sources Tests Fuzz Benchmarks -name '*.swift' -not -path '*/.build/*' -print0 2>/dev/null \
		| xargs -0 swift format format --in-place --parallel

.PHONY: browser
browser: ## The console's and the client's scripts: syntax, types, rules; by Node, without a build
	@.ci/setup browser
	Tests/Browser/run.sh $(ARGS)

.PHONY: contract
contract: ## Test a running gateway from outside
	@.ci/setup build contract
	swift build $(SWIFT_FLAGS) -c $(CONFIGURATION) --product sluice
	SLUICE="$(BIN)/sluice" PATH="$(CURDIR)/.build/venv/bin:$(CURDIR)/.build/venv-browser/bin:$$PATH" Tests/Contract/run.sh $(ARGS)

.PHONY: conformance
conformance: ## The Autobahn suite against the WebSocket code that ships
	@.ci/setup build
	swift build $(SWIFT_FLAGS) -c release --product sluice-echo
	Tests/Conformance/autobahn.sh $(ARGS)

.PHONY: faults
faults: ## Kills and power cuts under load, disks and files that fail, with an outside ledger
	@.ci/setup build
	swift build $(SWIFT_FLAGS) -c $(CONFIGURATION) --product sluice
	Tests/Faults/run.sh "$(BIN)/sluice" $(ARGS)

.PHONY: cluster
cluster: ## Engine and gateways over three real servers of NATS on loopback, which are stopped and killed in turn
	@.ci/setup build contract cluster
	swift build $(SWIFT_FLAGS) --build-tests
	PATH="$(CURDIR)/.build/venv-cluster/bin:$$PATH" Tests/Cluster/run.sh
	SLUICE="$$PWD/.build/debug/sluice" PATH="$(CURDIR)/.build/venv/bin:$(CURDIR)/.build/venv-cluster/bin:$$PATH" \
		python3 -m pytest -q -p no:cacheprovider Tests/Cluster $(ARGS)

.PHONY: cluster-faults
cluster-faults: ## Gateways and servers of NATS killed, stopped, paused, cut off, with an outside ledger: ROUNDS=20, ARGS="--only NAME"
	@.ci/setup build cluster
	swift build $(SWIFT_FLAGS) -c $(CONFIGURATION) --product sluice
	PATH="$(CURDIR)/.build/venv-cluster/bin:$$PATH" python3 Tests/Faults/cluster_faults.py \
		--sluice "$(BIN)/sluice" --rounds $(ROUNDS) $(ARGS)

.PHONY: run-cluster
run-cluster: ## Three gateways over three servers of NATS behind HAProxy, with a scan, in the terminal: a key kills any of them
	@.ci/setup build cluster demo
	@test -x /usr/sbin/haproxy || { echo "run-cluster: needs haproxy" >&2; exit 1; }
	swift build $(SWIFT_FLAGS) -c $(CONFIGURATION) --product sluice
	@PATH="$(CURDIR)/.build/venv-cluster/bin:$$PATH" exec python3 Tests/Cluster/show.py --sluice "$(BIN)/sluice" $(ARGS)

.PHONY: soak
soak: ## A long run with churn, reloads, rotated logs, clock jumps: ARGS="--minutes 120"
	@.ci/setup build
	swift build $(SWIFT_FLAGS) -c $(CONFIGURATION) --product sluice
	python3 Tests/Faults/soak.py --sluice "$(BIN)/sluice" $(ARGS)

.PHONY: bench
bench: ## CPU per message and bytes per connection; ARGS=peers beside other servers, as ratios
	@.ci/setup build bench
	swift build $(SWIFT_FLAGS) -c release --product sluice
	Benchmarks/run.sh $(ARGS)

.PHONY: count
count: ## Instructions and allocations per message, heap per idle connection, counted: the same on a busy machine
	@.ci/setup build count
	swift build $(SWIFT_FLAGS) -c release --product sluice
	Benchmarks/count.py --check $(ARGS)

.PHONY: sanitize
sanitize: ## All Swift tests under the address sanitizer, then under the thread sanitizer
	@.ci/setup build
	@# One test after the other: all at once, ten times as slow as without it, they come beyond their time limits.
	@# Memory that lives as long as the process is not a leak.
	ASAN_OPTIONS=detect_leaks=0 \
		swift test $(SWIFT_FLAGS) --disable-xctest --no-parallel --sanitize address --scratch-path .build/address $(ARGS)
	swift build $(SWIFT_FLAGS) --build-tests --sanitize thread --scratch-path .build/thread
	@# The toolchain's own clang, since only it knows how Swift passes arguments.
	"$$(dirname "$$(readlink -f "$$(command -v swift)")")/clang" -O1 -shared -fPIC -o .build/thread/mutex.so \
		.ci/thread_sanitizer_mutex.c -ldl
	LD_PRELOAD=$(CURDIR)/.build/thread/mutex.so TSAN_OPTIONS=suppressions=$(CURDIR)/.ci/thread-sanitizer.supp \
		swift test --skip-build --disable-xctest --no-parallel --sanitize thread --scratch-path .build/thread $(ARGS)

.PHONY: fuzz
fuzz: ## Every fuzz target for SECONDS=60 each
	@.ci/setup build
	Fuzz/run.sh $(SECONDS)

.PHONY: deploy-check
deploy-check: ## Check the files under deploy/
	@.ci/setup deploy
	deploy/verify.sh

.PHONY: dist
dist: ## A release for Debian systems without Swift: .build/dist/sluice-VERSION-linux-ARCH.tar.gz
	@.ci/setup build package
	deploy/package/dist.sh

.PHONY: deb
deb: dist ## The same as a Debian package, tested in a bare Debian (root)
	deploy/package/build_deb.sh "$${SLUICE_BINARY:-$$(swift build -c release --static-swift-stdlib --show-bin-path)/sluice}" .build/dist
	deploy/package/verify_deb.sh "$${SLUICE_BINARY:-$$(swift build -c release --static-swift-stdlib --show-bin-path)/sluice}"

.PHONY: docs
docs: ## Reference pages of the modules, under .build/docs
	@.ci/docs

.PHONY: check
check: lint test browser cluster-faults contract ## All checks that a change must pass

.PHONY: clean
clean: ## Remove all build results
	rm -rf .build
