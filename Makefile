# What a person types. Everything made lies below ${XDG_CACHE_HOME:-~/.cache}/ossm-federation; nothing in the tree.
.POSIX:
.PHONY: help demo demo-life demo-traffic demo-down testbed test test-unit test-integration test-molecule test-traffic test-rulebook test-sanity test-oldest lint types docs-lint changelog-lint build venv docs benchmark test-mutations measures soak release release-check

PYTHON = python3
DEMO = PYTHON='$(PYTHON)' tools/demo.sh
STAGES = $$(PYTHON='$(PYTHON)' tools/find-python.sh demo) tools/stages.py

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 26

demo: ## federate two meshes on two real API servers, and stay up
	@$(DEMO) up

demo-life: ## from two bare clusters to three federated meshes, one of them upgraded from 2.0
	@$(DEMO) life

demo-traffic: ## a failover before your eyes: a real Istio control plane with real sidecars, built once (minutes); ends on Ctrl-C
	@$(DEMO) traffic

demo-down: ## end the demo
	@$(DEMO) down

testbed: ## two meshes without federation; prints kubeconfigs, ends on Ctrl-C
	@$(DEMO) testbed

test: ## everything that CI runs
	@$(STAGES) all 2>&1

test-unit: ## unit tests
	@$(STAGES) unit

test-integration: ## tests of the testbed, and of the collection on it
	@$(STAGES) programs integration

test-traffic: ## rules of traffic obeyed by a real Istio control plane and real sidecars, built once (minutes)
	@$(STAGES) programs traffic

test-rulebook: ## ansible-rulebook with the event source and the rulebook; needs Java 17
	@$(STAGES) programs rulebook

test-molecule: ## molecule's scenarios for the testbed: federating, upgrading, installing
	@$(STAGES) programs molecule

test-oldest: ## unit tests and the playbooks of a federation on the oldest supported Ansible
	@$(STAGES) units-oldest programs integration-oldest

test-mutations: ## break the core in thirty ways; the unit tests must notice each
	@$(STAGES) mutations

measures: ## sizes, complexity, rooms and payloads, as figures
	@python=$$(PYTHON='$(PYTHON)' tools/find-python.sh newest) && $$($$python tools/venv.py newest)/bin/python tools/measures.py

test-sanity: ## ansible-test sanity, nothing ignored
	@$(STAGES) sanity

lint: ## ansible-lint (production) and shellcheck
	@$(STAGES) lint

types: ## the core's types (mypy) and all of Python (ruff)
	@$(STAGES) types

docs-lint: ## documentation of plugins and roles
	@$(STAGES) docs-lint

changelog-lint: ## changelog and fragments
	@$(STAGES) changelog-lint

build: ## build, install and import-check the collection's archive
	@$(STAGES) build

venv: ## make the development venv and print its folder
	@python=$$(PYTHON='$(PYTHON)' tools/find-python.sh newest) && $$python tools/venv.py newest

docs: ## the documentation as a site, outside the tree; prints its first page
	@$(STAGES) docs

soak: ## the long draws of attacks and crashes (hours)
	@$(STAGES) programs soak

release: ## the commit of a release, to be looked at: make release VERSION=0.2.0 (docs/releasing.md)
	@python=$$(PYTHON='$(PYTHON)' tools/find-python.sh newest) && $$($$python tools/venv.py newest)/bin/python tools/release.py '$(VERSION)'

release-check: ## what must be so before a release: the installed archive at work, the site, the image
	@$(STAGES) release-check

benchmark: ## measure, as ratios within one run
	@$(STAGES) programs benchmark
