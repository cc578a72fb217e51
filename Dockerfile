# The images of the operator, the evaluator, the drift detector, and the drift detector with alibi-detect:
#
#   docker build --target operator --tag mlhops/operator:0.1.0 .
#
# All is installed from wheels and nothing is compiled, so a build for another machine
# (--platform linux/arm64) differs only in the wheels that are chosen. docs/images.md says more.

# The digest is that of the list of all machines, so it holds for amd64 and arm64 alike.
ARG PYTHON=python:3.13.15-slim-trixie@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285
# alibi-detect needs NumPy 1, which ends with Python 3.12.
ARG PYTHON312=python:3.12.14-slim-trixie@sha256:f77ac9e44ae96ef2c90b8053ea08c31f8be030f824196b0ae4db6d462c84e51f

FROM ${PYTHON} AS tools
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_NO_COMPILE=1 \
    PIP_ONLY_BINARY=:all: \
    PIP_REQUIRE_VIRTUALENV=1
# What is shipped has no pip: that stays in an environment of its own.
RUN python3 -m venv /opt/tools \
    && python3 -m venv --without-pip /opt/packages
WORKDIR /build

# This project, apart from third parties: a change of it leaves their layer as it is.
FROM tools AS code
COPY requirements/build.txt ./
RUN /opt/tools/bin/pip install --require-hashes --requirement build.txt
COPY LICENSE README.md pyproject.toml ./source/
COPY operator/mlhops ./source/operator/mlhops/
# Bytecode is not checked against the time of its source: nothing can be written at run time.
RUN /opt/tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir wheel ./source \
    && /opt/tools/bin/pip install --no-deps --target /opt/mlhops wheel/*.whl \
    && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/mlhops

FROM tools AS operator-packages
COPY requirements/operator.txt ./
RUN /opt/tools/bin/pip --python /opt/packages/bin/python install --require-hashes --requirement operator.txt \
    && /opt/tools/bin/pip --python /opt/packages/bin/python check \
    && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/packages/lib

FROM tools AS evaluator-packages
COPY requirements/build.txt requirements/evaluator.txt ./
# kserve asks for psutil 5, which has no wheel for arm64: there it is compiled, from the pinned source,
# and what compiles it is not shipped.
# hadolint ignore=DL3008
RUN if [ "$(uname -m)" = aarch64 ]; then \
        apt-get update \
        && apt-get install --yes --no-install-recommends gcc libc6-dev \
        && rm -rf /var/lib/apt/lists/* \
        && /opt/tools/bin/pip install --require-hashes --requirement build.txt \
        && sed -n '/^psutil==/,/[^\\]$/p' evaluator.txt > compiled.txt \
        && /opt/tools/bin/pip wheel --no-deps --require-hashes --no-binary psutil \
            --no-build-isolation --wheel-dir compiled --requirement compiled.txt \
        && /opt/tools/bin/pip --python /opt/packages/bin/python install --no-deps compiled/*.whl; \
    fi
RUN /opt/tools/bin/pip --python /opt/packages/bin/python install --require-hashes --requirement evaluator.txt \
    && /opt/tools/bin/pip --python /opt/packages/bin/python check \
    && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/packages/lib

FROM tools AS detector-packages
COPY requirements/detector.txt ./
RUN /opt/tools/bin/pip --python /opt/packages/bin/python install --require-hashes --requirement detector.txt \
    && /opt/tools/bin/pip --python /opt/packages/bin/python check \
    && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/packages/lib

FROM ${PYTHON312} AS detector-alibi-packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_NO_COMPILE=1 \
    PIP_ONLY_BINARY=:all: \
    PIP_REQUIRE_VIRTUALENV=1
RUN python3 -m venv /opt/tools \
    && python3 -m venv --without-pip /opt/packages
WORKDIR /build
COPY requirements/detector-alibi.txt ./
RUN /opt/tools/bin/pip --python /opt/packages/bin/python install --require-hashes --requirement detector-alibi.txt \
    && /opt/tools/bin/pip --python /opt/packages/bin/python check \
    && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/packages/lib

# The same code with the bytecode of another Python.
FROM ${PYTHON312} AS code-3.12
COPY --from=code /opt/mlhops /opt/mlhops
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /opt/mlhops

FROM ${PYTHON} AS runtime
ENV HOME=/tmp \
    PATH=/opt/packages/bin:${PATH} \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/opt/mlhops \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.vendor="MLHOps" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="python:3.13.15-slim-trixie"
# A number, so that Kubernetes can see that it is not root. It owns no file of the image.
USER 65532:65532
WORKDIR /

FROM runtime AS operator
LABEL org.opencontainers.image.title="mlhops/operator" \
      org.opencontainers.image.description="Runs clinical models safely on KServe"
COPY --from=operator-packages /opt/packages /opt/packages
COPY --from=code /opt/mlhops /opt/mlhops
EXPOSE 8080 8081
# For engines that look at it; Kubernetes asks by the probes of the Deployment.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8081/healthz', timeout=2)"]
ENTRYPOINT ["python", "-m", "mlhops.controller"]

FROM runtime AS evaluator
LABEL org.opencontainers.image.title="mlhops/evaluator" \
      org.opencontainers.image.description="Measures the gates of a ClinicalModel on held-out data"
COPY --from=evaluator-packages /opt/packages /opt/packages
COPY --from=code /opt/mlhops /opt/mlhops
# It runs once and ends, so there is nothing to ask.
HEALTHCHECK NONE
ENTRYPOINT ["python", "-m", "mlhops.evaluator"]

FROM runtime AS detector
LABEL org.opencontainers.image.title="mlhops/detector" \
      org.opencontainers.image.description="Counts what a model sees, beside its model server"
COPY --from=detector-packages /opt/packages /opt/packages
COPY --from=code /opt/mlhops /opt/mlhops
EXPOSE 9500 9501
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9501/healthz', timeout=2)"]
ENTRYPOINT ["python", "-m", "mlhops.detector"]

FROM ${PYTHON312} AS runtime-3.12
ENV HOME=/tmp \
    PATH=/opt/packages/bin:${PATH} \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/opt/mlhops \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.vendor="MLHOps" \
      org.opencontainers.image.licenses="Apache-2.0 AND BUSL-1.1" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="python:3.12.14-slim-trixie"
# A number, so that Kubernetes can see that it is not root. It owns no file of the image.
USER 65532:65532
WORKDIR /

FROM runtime-3.12 AS detector-alibi
LABEL org.opencontainers.image.title="mlhops/detector-alibi" \
      org.opencontainers.image.description="Counts what a model sees, and asks alibi-detect (BUSL-1.1) of it"
COPY --from=detector-alibi-packages /opt/packages /opt/packages
COPY --from=code-3.12 /opt/mlhops /opt/mlhops
EXPOSE 9500 9501
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9501/healthz', timeout=2)"]
ENTRYPOINT ["python", "-m", "mlhops.detector"]
