# The laboratory as a Jupyter single-user image: `make image`, then
#   docker run --rm -p 127.0.0.1:8888:8888 gantry
# JupyterHub starts it with its own command (jupyterhub-singleuser), which is on PATH. Go's caches are not in the home
# folder, over which hubs mount a volume.
ARG BASE=debian:bookworm-slim
ARG GO=golang:1.26-bookworm

FROM ${GO} AS build
RUN apt-get update -q && apt-get install -y -q --no-install-recommends python3 python3-venv gcc libc6-dev make \
 && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 1000 --shell /bin/bash learner && mkdir /gantry /gocache && chown learner /gantry /gocache
USER learner
ENV GOPATH=/gocache GOCACHE=/gocache/build GOTOOLCHAIN=local
WORKDIR /gantry
COPY --chown=learner . .
RUN make setup && .venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes \
    -r kernel-ext/setup/requirements-hub.lock

FROM ${BASE}
RUN apt-get update -q && apt-get install -y -q --no-install-recommends python3 gcc libc6-dev make git ca-certificates tini curl dataset-fashion-mnist \
 && rm -rf /var/lib/apt/lists/* && useradd --create-home --uid 1000 --shell /bin/bash learner
COPY --from=build /usr/local/go /usr/local/go
COPY --from=build --chown=learner /gocache /gocache
COPY --from=build --chown=learner /gantry /gantry
ENV PATH=/gantry/bin:/gantry/.venv/bin:/usr/local/go/bin:/usr/local/bin:/usr/bin:/bin \
    GOPATH=/gocache GOCACHE=/gocache/build GOTOOLCHAIN=local GOEXPERIMENT=simd GANTRY_ROOT=/gantry
USER learner
WORKDIR /gantry/notebooks
EXPOSE 8888
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
  CMD curl -fsS "http://127.0.0.1:8888${JUPYTERHUB_SERVICE_PREFIX:-/}api" || exit 1
ENTRYPOINT ["tini", "--"]
CMD ["/gantry/kernel-ext/setup/docker-start"]
