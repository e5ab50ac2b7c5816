# The words that people and CI use: one target, one command. What needs more than a line stands in scripts/.
# What a bare machine lacks (buf, cargo-deny, cargo-fuzz, cargo-cyclonedx, Python's gRPC) is installed by the scripts into a
# cache outside of this tree, ${XDG_CACHE_HOME:-~/.cache}/gpiod-dev; what test-hardware lacks is named, and installed only when told to.

CARGO ?= cargo
.DEFAULT_GOAL := help
.PHONY: help demo test bench bench-gate bench-gate-counts soak fuzz test-hardware test-python test-manifests images test-images images-push test-image-scripts test-cluster-scripts cluster-test fmt fmt-check lint proto buf deny docs ci

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-20s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# DEMO_SECONDS, from the environment or from make's command line, reaches the demo by its environment.
demo: ## Board, daemon and both apps as processes, drawn live; DEMO_SECONDS=20 ends it by itself
	$(CARGO) build --workspace --bins --examples
	$(CARGO) run -q --example demo

# First the programs, since tests run them as processes. The doc tests next, so that the last lines of the output are
# the summary of the tests.
test: ## All tests in Rust: doc tests, then units and processes
	$(CARGO) build --workspace --bins --examples
	$(CARGO) test --workspace --doc
	$(CARGO) test --workspace --lib --bins --tests

BUILT = $(or $(CARGO_TARGET_DIR),target)/release

bench: ## How fast and how small: each figure beside its floor and goal; tables and JSON go to target/release/bench
	$(CARGO) build --release -p gpiod -p gpiod-bench
	mkdir -p $(BUILT)/bench
	$(BUILT)/gpiod-bench speed --markdown $(BUILT)/bench/speed.md --json $(BUILT)/bench/speed.json
	$(BUILT)/gpiod-bench sampling --markdown $(BUILT)/bench/sampling.md --json $(BUILT)/bench/sampling.json
	$(BUILT)/gpiod-bench footprint --gpiod $(BUILT)/gpiod --markdown $(BUILT)/bench/footprint.md --json $(BUILT)/bench/footprint.json
	$(BUILT)/gpiod-bench counts --markdown $(BUILT)/bench/counts.md --json $(BUILT)/bench/counts.json

bench-gate: ## Fail where a call costs more instructions, allocations or time than its bound, or an idle daemon does anything
	$(CARGO) build --release -p gpiod-bench
	$(BUILT)/gpiod-bench counts --gate
	$(BUILT)/gpiod-bench speed --rounds 3 --gate

# What CI gates on: nothing is measured by a clock, and nothing is built that the tests have not built.
bench-gate-counts: ## The exact counts of bench-gate alone, of the build that the tests use
	$(CARGO) build --workspace --bins --examples
	$(patsubst %/release,%/debug,$(BUILT))/gpiod-bench counts --gate

soak: ## Real processes killed, restarted and flooded, judged by the board's record; on a machine at rest
	$(CARGO) build --release -p gpiod -p gpiod-bench
	$(BUILT)/gpiod-bench soak --gpiod $(BUILT)/gpiod

# WAIVE names parts that may be skipped, such as "pi" or "pi-6.12 pi-6.12-keep".
test-hardware: ## Real pins on emulated machines: the kernel's GPIO simulator and a Raspberry Pi 3; WAIVE="pi"
	scripts/hardware/test.sh $(foreach part,$(WAIVE),--waive $(part))

test-python: ## The Python example against a daemon, with stubs generated from proto/
	$(CARGO) build -p gpiod --bins
	scripts/with-python-tools.sh sdk/examples/python/run.py

# OVERLAY names some, such as "overlays/sim"; all by default.
test-manifests: ## The Kubernetes manifests, without a cluster: schemas, Pod Security, policies, configurations, metrics
	$(CARGO) build -p gpiod --bins
	scripts/manifests/test.sh --gpiod $(or $(CARGO_TARGET_DIR),target)/debug/gpiod $(OVERLAY)

# PLATFORMS names some, such as "linux/arm64"; those of one tag by default. The table in images/README.md has those.
images: ## Build the images for all platforms, measure them and pack them; PLATFORMS="linux/amd64" for some
	scripts/images/sbom.sh $(PLATFORMS)
	scripts/images/build.sh $(PLATFORMS)
	scripts/images/sizes.py $(if $(PLATFORMS),$(PLATFORMS),--readme)
	scripts/images/pack.sh $(PLATFORMS)

test-images: ## Board, daemon and both apps as containers, hardened; for ARM under QEMU's user emulation. As root
	scripts/images/test.sh containers $(or $(PLATFORMS),linux/arm64 linux/arm/v7)

images-push: ## Push the images: REGISTRY=ghcr.io/you, and PLATFORMS if they were built for some
	scripts/images/push.sh $(if $(PLATFORMS),--platforms "$(PLATFORMS)") $(REGISTRY)

test-image-scripts: ## What the images' scripts refuse, and what they say of commits, sizes and releases: nothing is built
	PYTHONDONTWRITEBYTECODE=1 python3 -m unittest discover --start-directory scripts/images/tests

test-cluster-scripts: ## The scripts that make a cluster of Pis, on false machines: no cluster, no network, no root
	scripts/cluster-scripts.sh

# A KUBECONFIG in the environment is not taken, only one on make's command line: what the other names may be in use.
cluster-test: ## The thesis's walk on a real Kubernetes, two nodes on this machine, as root; PROGRAMS=folder: of another version; KUBECONFIG=file REGISTRY=ghcr.io/you: on that one
ifeq ($(origin KUBECONFIG),command line)
	scripts/cluster/test.sh --kubeconfig $(KUBECONFIG) $(if $(REGISTRY),--registry $(REGISTRY))
else
	scripts/images/build.sh linux/amd64
	scripts/images/pack.sh linux/amd64
	scripts/cluster/test.sh $(if $(PROGRAMS),--programs $(PROGRAMS))
endif

# FUZZ names targets, such as "rpc"; all by default.
fuzz: ## Arbitrary input for all that reads input, FUZZ_SECONDS (300) each; FUZZ="rpc" for some of it
	scripts/fuzz.sh --seconds $(or $(FUZZ_SECONDS),300) $(FUZZ)

fmt: ## Format the code
	$(CARGO) fmt --all
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml

fmt-check: ## Fail where the code is not formatted
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check

lint: ## Clippy with warnings as errors, shellcheck for the scripts
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	scripts/shellcheck.sh

proto: ## Generate proto/src/generated anew from the .proto files
	UPDATE_GENERATED=1 $(CARGO) test -p gpiod-proto --test generated

buf: ## Lint the .proto files
	cd proto && ../scripts/with-python-tools.sh buf lint

deny: ## Check licences, banned crates and sources of all dependencies
	scripts/cargo-deny.sh check bans licenses sources

docs: ## Build the documentation, warnings as errors
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps

# `test` stays last: CI shows the end of the output.
ci: ## Everything that must hold before a change goes in
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target fmt-check lint test-image-scripts test-cluster-scripts buf docs deny test-python test-manifests
	@$(MAKE) --no-print-directory test
