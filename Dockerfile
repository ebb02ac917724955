# Three images, one a target: docker build --target operator -t sagemaker-operator:0.1.0 .
# The dependencies are a layer of their own, installed from hashed locks; a change of this repository's code moves only
# the last layer, which is small.
ARG PYTHON=3.12

FROM python:${PYTHON}-slim AS wheel
WORKDIR /src
COPY requirements/build.txt requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY operator operator
COPY loadtest loadtest
COPY local local
RUN python -m venv --without-pip /opt/venv
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels .
# The commands run with the Python that has the dependencies.
RUN pip --python /opt/venv/bin/python install --no-cache-dir --no-deps --no-index --find-links /wheels \
    --prefix /opt/app sagemaker-operator

FROM python:${PYTHON}-slim AS operator-dependencies
RUN python -m venv --without-pip /opt/venv
COPY requirements/operator.txt /
RUN pip --python /opt/venv/bin/python install --no-cache-dir --require-hashes --only-binary :all: -r /operator.txt

FROM python:${PYTHON}-slim AS loadtest-dependencies
RUN python -m venv --without-pip /opt/venv
COPY requirements/loadtest.txt /
RUN pip --python /opt/venv/bin/python install --no-cache-dir --require-hashes --only-binary :all: -r /loadtest.txt

FROM python:${PYTHON}-slim AS local-dependencies
RUN python -m venv --without-pip /opt/venv
COPY requirements/local.txt /
RUN pip --python /opt/venv/bin/python install --no-cache-dir --require-hashes --only-binary :all: -r /local.txt

# No shell is needed to run it, nothing is written outside /tmp, and the user has no name and no home.
FROM python:${PYTHON}-slim AS base
ARG PYTHON
ARG VERSION=0.1.0
ENV PATH=/opt/app/bin:/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/app/lib/python${PYTHON}/site-packages \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp
LABEL org.opencontainers.image.version=${VERSION} \
      org.opencontainers.image.licenses=Apache-2.0 \
      org.opencontainers.image.vendor=sagemaker-operator
WORKDIR /tmp
USER 65532:65532

FROM base AS loadtest
LABEL org.opencontainers.image.title=sagemaker-loadtest \
      org.opencontainers.image.description="Load tests of SageMaker endpoints that end in a verdict"
COPY --from=loadtest-dependencies /opt/venv /opt/venv
COPY --from=wheel /opt/app /opt/app
ENTRYPOINT ["sagemaker-loadtest"]

# For tests and demonstrations: SageMaker's API with model servers behind it, open to whoever reaches the port.
FROM base AS local
LABEL org.opencontainers.image.title=sagemaker-local \
      org.opencontainers.image.description="SageMaker on localhost, for tests"
COPY --from=local-dependencies /opt/venv /opt/venv
COPY --from=wheel /opt/app /opt/app
EXPOSE 4570
ENTRYPOINT ["sagemaker-local"]
CMD ["--host=0.0.0.0"]

# The last one is what a build without --target gives.
FROM base AS operator
LABEL org.opencontainers.image.title=sagemaker-operator \
      org.opencontainers.image.description="Amazon SageMaker endpoints as Kubernetes objects"
COPY --from=operator-dependencies /opt/venv /opt/venv
COPY --from=wheel /opt/app /opt/app
EXPOSE 8080
ENTRYPOINT ["sagemaker-operator"]
