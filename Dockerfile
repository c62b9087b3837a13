# Wireswarm, its suites and the reference target, as one image for all roles: a single process, master, worker, target.
#
#   docker build -t wireswarm .
#   docker run --rm wireswarm wireswarm target --host 0.0.0.0
#   docker run --rm -v "$PWD/results:/results" wireswarm -f chater.py --headless --load-profile smoke --host http://…

# The same for both stages, so that what is compiled in one runs in the other.
ARG PYTHON=docker.io/library/python:3.13-slim-bookworm@sha256:01f42367a0a94ad4bc17111776fd66e3500c1d87c15bbd6055b7371d39c124fb

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

# What changes least comes first. Only wheels, only those whose hashes are known: nothing is compiled, nothing replaced.
COPY requirements.txt requirements.lock ./
RUN python -m venv /opt/wireswarm \
    && /opt/wireswarm/bin/pip install --require-hashes --only-binary=:all: -r requirements.txt \
    && python -m venv tools \
    && tools/bin/pip install --require-hashes --only-binary=:all: -r requirements.lock

COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY proto proto
COPY src src
COPY locustfiles locustfiles
COPY test_data test_data
RUN tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir wheels . \
    && /opt/wireswarm/bin/pip install --no-deps --no-index wheels/*.whl \
    && /opt/wireswarm/bin/pip uninstall --yes pip \
    && /opt/wireswarm/bin/python -m compileall -q -j 0 /opt/wireswarm/lib

FROM ${PYTHON}
LABEL org.opencontainers.image.title="Wireswarm" \
      org.opencontainers.image.description="Load testing on Locust for protobuf, Socket.IO and authenticated APIs" \
      org.opencontainers.image.licenses="MIT"

# curl, to look from inside whether the system under test can be reached.
# The base's digest says which Debian this is; its security updates are wanted.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends curl \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 locust \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin locust \
    && install --directory --owner 10001 --group 10001 /results

COPY --from=build /opt/wireswarm /opt/wireswarm
COPY locustfiles /locust
COPY proto /locust/proto
# Where the suites look for it: test_data beside their folder.
COPY test_data /test_data

# The root file system can be read-only: Python writes nothing, and what has to be written goes to /results and /tmp.
ENV PATH=/opt/wireswarm/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    LOCUST_LOCUSTFILE=chater.py \
    WIRESWARM_POD_RESULTS=/results
WORKDIR /locust
VOLUME ["/results"]
USER 10001:10001
# Web UI with /metrics, workers' connections, the reference target.
EXPOSE 8089 5557 8000

# Locust with everything of ours; SIGTERM lets users end what they do, writes the reports and keeps the exit code.
ENTRYPOINT ["wireswarm", "pod"]
