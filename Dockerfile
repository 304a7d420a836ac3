# The laboratory as a Jupyter single-user image: `make image`, then
#   docker run --rm -p 127.0.0.1:8888:8888 -v gantry:/home/learner gantry
# Notebooks and runs are in the home folder, which is a volume: without -v they go with the container. Go's caches are not,
# so that a volume from elsewhere, such as a hub's, does not hide them. JupyterHub starts it with its own command
# (jupyterhub-singleuser), which is on PATH.
#
# For NVIDIA GPUs: make image IMAGE_ARGS="--build-arg PLUGIN=cuda", and docker run --gpus all. The bases are lists of images for several machines, so that the same
# file builds for amd64 and for arm64 (--platform). `make image` gives COMMIT and SOURCE_DATE_EPOCH, the commit's time,
# which is that of all files too: layers depend on what is in them alone.
#
# `make image-digests` finds newer bases; these digests are as docker-library/repo-info had them.
ARG BASE=debian:bookworm-20260918-slim@sha256:3783cc01769c7b2b1b83a5c5ad96c815348e28ed7da68e2e3687004faa906251
ARG GO=golang:1.26.8-bookworm@sha256:9fdc884aacc3bec89b20ffc69f4bb369c78210e3e4f600387b5128b12c199f81

FROM ${GO} AS desk
RUN apt-get update -q && apt-get install -y -q --no-install-recommends python3 python3-venv gcc libc6-dev make \
 && rm -rf /var/lib/apt/lists/*
ARG SOURCE_DATE_EPOCH=1
RUN useradd --create-home --uid 1000 --shell /bin/bash learner && mkdir /gantry /gocache && chown -R learner /gantry /gocache /usr/local/go
USER 1000:1000
ENV GOPATH=/gocache GOCACHE=/gocache/build GOTOOLCHAIN=local

FROM desk AS build
ARG SOURCE_DATE_EPOCH=1
WORKDIR /gantry
COPY --chown=1000:1000 . .
ARG COMMIT=
RUN find . -exec touch -d "@$SOURCE_DATE_EPOCH" {} + && make setup
ARG PLUGIN=cpu
RUN .venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r kernel-ext/setup/requirements-hub.lock \
 && if [ "$PLUGIN" = cuda ]; then .venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r kernel-ext/setup/requirements-cuda.lock; fi
RUN make licences notices sbom && kernel-ext/setup/image-trim

FROM ${BASE}
ARG SOURCE_DATE_EPOCH=1
# Of Debian's packages stay their programs and licences, not their manuals; of the compiler what compiles C; of Perl what Debian itself needs, for git's parts
# that are written in it serve mail and Subversion (apt-get install --reinstall perl perl-modules-5.36 libperl5.36 brings it back).
RUN apt-get update -q && apt-get install -y -q --no-install-recommends python3 gcc libc6-dev make git ca-certificates curl dataset-fashion-mnist \
 && useradd --create-home --uid 1000 --shell /bin/bash learner \
 && find /usr/share/doc -type f ! -name copyright -delete \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/log/apt /var/log/*.log \
    /usr/share/man /usr/share/info /usr/share/locale /usr/lib/gcc/*/*/lto1 /usr/bin/*-lto-dump-* /usr/lib/*/lib*san.so.* /usr/lib/gcc/*/*/lib*san* \
    /usr/share/perl /usr/lib/*/perl /usr/lib/*/libperl.so.* /usr/bin/*-dwp /usr/bin/*gprofng* /usr/bin/gp-* /usr/lib/*/libgprofng* /usr/lib/*/gprofng \
 && find /usr/lib/python3* -name __pycache__ -prune -exec rm -rf {} + && python3 -m compileall -q --invalidation-mode unchecked-hash /usr/lib/python3.*/
COPY --from=build /usr/local/go /usr/local/go
COPY --from=build --chown=1000:1000 /gocache /gocache
COPY --from=build --chown=1000:1000 /gantry /gantry
ENV PATH=/gantry/bin:/gantry/.venv/bin:/usr/local/go/bin:/usr/local/bin:/usr/bin:/bin HOME=/home/learner \
    GOPATH=/gocache GOCACHE=/gocache/build GOTOOLCHAIN=local GOEXPERIMENT=simd GANTRY_ROOT=/gantry GANTRY_RUNS=/home/learner/runs
ARG COMMIT=
LABEL org.opencontainers.image.title=gantry org.opencontainers.image.licenses=Apache-2.0 org.opencontainers.image.revision=${COMMIT}
USER 1000:1000
WORKDIR /home/learner
VOLUME /home/learner
EXPOSE 8888
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
  CMD curl -fsS "http://127.0.0.1:8888${JUPYTERHUB_SERVICE_PREFIX:-/}api" || exit 1
# The first process: it saves the runs before the container ends, whatever the command.
ENTRYPOINT ["gantry", "container", "--course", "/home/learner/notebooks", "--"]
CMD ["/gantry/kernel-ext/setup/docker-start"]
