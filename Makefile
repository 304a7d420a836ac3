# Everything a person does here. `make` alone lists it.
SHELL := /bin/sh
GANTRY := bin/gantry
export GOEXPERIMENT := simd
export GANTRY_ROOT := $(CURDIR)
LAB_ARGS ?=
PACKAGES ?= ./...
TESTFLAGS ?=
COMMIT ?= $(shell git describe --always --dirty --abbrev=12 2>/dev/null)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.7.0
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0

.PHONY: help setup lab test build notebooks e2e picture kernel-suite gonb-notebooks measure-kernel soak random race bench bench-peers lint release licences notices sbom vulncheck ray tensorboard tensorboard-test mlflow cluster-test hub hub-start hub-test image image-test image-digests lock clean needs
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' Makefile

lab: setup ## open JupyterLab on the course (LAB_ARGS="--no-browser --port 9000")
	@$(GANTRY) lab $(LAB_ARGS)

setup: build ## install what is missing, inside this folder
	@$(GANTRY) setup

needs:
	@command -v go >/dev/null || { echo "Go is not installed; install Go 1.26 or newer from https://go.dev/dl" >&2; exit 1; }
	@command -v gcc >/dev/null || command -v clang >/dev/null || { echo "no C compiler, and the XLA binding needs one; install gcc" >&2; exit 1; }

build: needs ## build bin/gantry, and bin/gantry-cell that stands beside it
	@test -x $(GANTRY) || echo "building bin/gantry; the first time takes a minute or two" >&2
	@go build -ldflags="-X main.commit=$(COMMIT)" -o $(GANTRY) ./kernel-ext/cmd/gantry
	@CGO_ENABLED=0 go build -ldflags='-s -w' -o bin/gantry-cell ./kernel-ext/cmd/gantry-cell

test: setup ## run all tests, notebooks with small budgets included
	@go test -count=1 -timeout 20m $(TESTFLAGS) $(PACKAGES) # anew: go's list of what a test reads cannot be written while a test limits the size of files

notebooks: setup ## run the chapters in full and keep their outputs
	$(GANTRY) nbrun notebooks/*.ipynb --out notebooks

# An environment of its own, with the Python that set-up found: in the folder of the target, by the lock that the target needs first.
environment = rm -rf $(@D) && .venv/bin/python -m venv $(@D) && $(@D)/bin/python -m pip install --quiet --disable-pip-version-check \
	--require-hashes --only-binary :all: -r $<

E2E_PYTHON := .venv/e2e/bin/python
E2E_READY := .venv/e2e/installed.lock
E2E ?= kernel_suite protocol_suite lab_suite server_suite inventory_suite sweep_suite compare_suite

e2e: $(E2E_READY) ## the kernel and the lab from the outside, in JupyterLab in Chromium (E2E="lab_suite" for one part)
	@$(E2E_PYTHON) kernel-ext/e2e/run.py $(E2E)

picture: $(E2E_READY) ## take docs/panel.png anew, in JupyterLab in Chromium
	@$(E2E_PYTHON) kernel-ext/e2e/picture.py

kernel-suite: $(E2E_READY) ## the Jupyter project's own tests of a kernel
	@$(E2E_PYTHON) kernel-ext/e2e/run.py kernel_suite

gonb-notebooks: $(E2E_READY) ## GoNB's own notebooks on stock GoNB and on our kernel, compared
	@$(E2E_PYTHON) kernel-ext/e2e/gonb_notebooks.py

measure-kernel: $(E2E_READY) ## what a front-end measures: interrupts, large output, attaching, leaks
	@$(E2E_PYTHON) kernel-ext/e2e/measure.py

$(E2E_READY): kernel-ext/e2e/requirements.lock | setup
	@$(environment) && cp $< $@

MINUTES ?= 10
SEED ?=

soak: setup ## kernels, runs and clients while all that can go wrong does (MINUTES=10, SEED=7 to do the same again)
	@go build -o bin/soak ./kernel-ext/e2e/soak
	@bin/soak "$(MINUTES)" "$(SEED)"

CELLS ?= 1000
KILLS ?= 200

random: setup ## random cells against one program, and cells killed and interrupted at random (CELLS=1000, KILLS=200, SEED=7 to begin there)
	@GANTRY_TEST_CELLS=$(CELLS) GANTRY_TEST_KILLS=$(KILLS) GANTRY_TEST_SEED=$(SEED) \
		go test -count=1 -timeout 3h -v ./kernel-ext/kernel -run 'TestRandomCells|TestKilledCells|TestInterruptedCells'

RACE ?= ./kernel-ext/...

race: setup ## the tests of kernel-ext with the race detector, the engine of cells too (RACE=./kernel-ext/lab for one package)
	@TESTFLAGS="$(TESTFLAGS)" kernel-ext/e2e/race $(RACE)

bench: setup ## speed of the kernel, the pictures and the training step
	go test -run '^$$' -bench . -benchtime 5x ./...

PEER_READY := .venv/peer/installed.lock
BENCH_ARGS ?=
BENCH_OUT ?= bin/speed

bench-peers: $(PEER_READY) ## training steps beside Keras, PyTorch and JAX, in an environment of their own (7 GB; BENCH_ARGS="--workload mlp")
	@mkdir -p $(dir $(BENCH_OUT))
	$(GANTRY) bench speed --peer .venv/peer/bin/python --roofline --json $(BENCH_ARGS) >$(BENCH_OUT).json
	@$(GANTRY) bench speed --join $(BENCH_OUT).json | tee $(BENCH_OUT).md

$(PEER_READY): kernel-ext/speed/peers/requirements.lock | setup
	@$(environment) && cp $< $@

lint: needs ## gofmt, go vet, staticcheck
	@files=$$(gofmt -l gan kernel-ext) && test -z "$$files" || { echo "run gofmt -w on: $$files" >&2; exit 1; }
	go vet ./...
	go run $(STATICCHECK) -checks inherit,-ST1001,-ST1005 ./... # graph formulas use dot imports; errors begin with Go, Python, MNIST

release: setup ## binaries of this commit with checksums, notices and the bill of materials: bin/release (TARGETS="linux/arm64", see kernel-ext/setup/release)
	@COMMIT="$(COMMIT)" kernel-ext/setup/release

INVENTORY := go run ./kernel-ext/cmd/gantry-inventory

licences: ## the licences of all that is linked and installed; fails at one that may not be passed on
	@$(INVENTORY) licences

notices: ## what must be passed on with the project: bin/THIRD-PARTY-NOTICES
	@$(INVENTORY) notices bin/THIRD-PARTY-NOTICES

sbom: ## the bill of materials, CycloneDX: bin/sbom.cdx.json
	@$(INVENTORY) sbom bin/sbom.cdx.json

vulncheck: needs ## known vulnerabilities in what is linked (says so where the data base cannot be reached)
	@sh kernel-ext/setup/vulncheck $(GOVULNCHECK)

cluster-test: $(E2E_READY) ray mlflow ## the same sweep here, on Ray and on Slurm, with workers killed (root; slurmctld, slurmd; minutes)
	@$(E2E_PYTHON) kernel-ext/e2e/run.py cluster_suite

TENSORBOARD_READY := .venv/tensorboard/installed.lock

tensorboard: $(TENSORBOARD_READY) ## TensorBoard, to look at what `gantry log --tensorboard DIR` writes: .venv/tensorboard/bin/tensorboard --logdir DIR

$(TENSORBOARD_READY): kernel-ext/tensorboard/requirements.lock | setup
	@$(environment) && cp $< $@

tensorboard-test: tensorboard ## event files, read by TensorBoard's own reader
	@.venv/tensorboard/bin/python kernel-ext/e2e/run.py tensorboard_suite

RAY_READY := .venv/ray/installed.lock

ray: $(RAY_READY) ## Ray for `gantry sweep --engine ray`, in an environment of its own (700 MB)

$(RAY_READY): kernel-ext/sweep/requirements.lock | setup
	@$(environment) && cp $< $@

MLFLOW_READY := .venv/mlflow/installed.lock

mlflow: $(MLFLOW_READY) ## MLflow's client for `gantry sweep --mlflow`, in an environment of its own

$(MLFLOW_READY): kernel-ext/sweep/requirements-mlflow.lock | setup
	@$(environment) && cp $< $@

HUB_READY := .venv/hub/installed.lock
HUB_LOCKS := kernel-ext/hub/requirements.lock kernel-ext/hub/package-lock.json
HUB_ARGS ?=

hub: $(HUB_READY) ## JupyterHub and its proxy for a class on this machine, in an environment of its own (630 MB; npm)

$(HUB_READY): $(HUB_LOCKS) | setup
	@command -v npm >/dev/null || { echo "JupyterHub's proxy is a program for Node: install nodejs 18 or newer, with npm" >&2; exit 1; }
	@$(environment)
	@cp kernel-ext/hub/package.json kernel-ext/hub/package-lock.json .venv/hub/ && npm ci --silent --no-audit --no-fund --prefix .venv/hub && cat $(HUB_LOCKS) >$@

hub-start: hub ## start the hub for the users of this machine, at 127.0.0.1:8000 (root)
	@.venv/hub/bin/python -m jupyterhub -f kernel-ext/hub/jupyterhub_config.py

hub-test: hub ## ten students at once under a real JupyterHub on loopback (root; minutes; HUB_ARGS="--students 3", --full, --cold, --image)
	@.venv/hub/bin/python kernel-ext/hub/hub_suite.py $(HUB_ARGS)

IMAGE_ARGS ?=
IMAGE_TIME := $(shell git log -1 --format=%ct 2>/dev/null || echo 1)
image: ## build the container image (docker, podman or buildah; IMAGE_ARGS="--build-arg PLUGIN=cuda" for NVIDIA GPUs)
	@b=$$(command -v docker || command -v podman || command -v buildah) || { echo "install docker, podman or buildah" >&2; exit 1; }; \
	set -- --build-arg COMMIT=$(COMMIT) --build-arg SOURCE_DATE_EPOCH=$(IMAGE_TIME) $(IMAGE_ARGS) -t gantry .; \
	case $$b in *docker) $$b build "$$@" ;; *) $$b build --format docker --timestamp $(IMAGE_TIME) "$$@" ;; esac # the format that has health checks

image-test: $(E2E_READY) ## build the image without a daemon or a registry, and stop it twenty times while it trains (root; minutes)
	@kernel-ext/e2e/image_build && $(E2E_PYTHON) kernel-ext/e2e/run.py image_suite

image-digests: ## the newest digests of the image's bases, for the Dockerfile (needs skopeo and a registry)
	@sed -n 's/^ARG [A-Z]*=\(.*\)@sha256:\(.*\)/\1 \2/p' Dockerfile | while read -r name old; do \
		new=$$(skopeo inspect --format '{{.Digest}}' "docker://docker.io/library/$$name") || exit 1; \
		[ "$$new" = "sha256:$$old" ] && echo "$$name is current" || echo "$$name@$$new"; done

lock: ## resolve the Python requirements anew (needs uv)
	for r in kernel-ext/setup/requirements kernel-ext/setup/requirements-cuda kernel-ext/setup/requirements-hub kernel-ext/setup/requirements-release \
		kernel-ext/e2e/requirements kernel-ext/speed/peers/requirements kernel-ext/sweep/requirements kernel-ext/sweep/requirements-mlflow \
		kernel-ext/hub/requirements kernel-ext/tensorboard/requirements; do \
		(cd $$(dirname $$r) && uv pip compile --universal --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 -q -o $$(basename $$r).lock $$(basename $$r).in) || exit 1; done

clean: ## remove what setup installed here
	rm -rf .venv bin
