# syntax=docker/dockerfile:1
# spatialbench, with the torch build of a processor or of NVIDIA GPUs: docs/docker.md.

ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS wheel
WORKDIR /src
COPY pyproject.toml setup.py MANIFEST.in README.md LICENSE ./
COPY spatialbench spatialbench
COPY benchmarks benchmarks
COPY detectors detectors
COPY judges judges
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:${PYTHON}-slim AS final
# cpu or cuda; the build of torch is checked against it.
ARG VARIANT=cuda
# The index that serves the build of torch; empty: pip's own, which serves CUDA builds for x86-64.
ARG TORCH_INDEX=""
# Of pyproject.toml, comma-separated, such as "ray,yolo".
ARG EXTRAS=""
SHELL ["/bin/bash", "-o", "pipefail", "-c"]

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1
COPY constraints.txt /tmp/constraints.txt
RUN case "$VARIANT" in cpu|cuda) ;; *) \
        echo "VARIANT must be cpu or cuda, not '$VARIANT'" >&2; exit 2 ;; \
    esac \
    && pip install --constraint /tmp/constraints.txt ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch \
    && built="$(python -c 'import torch; print("cuda" if torch.version.cuda else "cpu")')" \
    && if [ "$built" != "$VARIANT" ]; then \
        echo "this torch is built for $built, not for $VARIANT: give --build-arg TORCH_INDEX=URL with the index that serves that build" >&2; exit 2; \
    fi
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    wheel="$(echo /wheels/*.whl)" \
    && pip install --constraint /tmp/constraints.txt "${wheel}${EXTRAS:+[$EXTRAS]}" \
    && rm /tmp/constraints.txt \
    && spatialbench --version

# Not root; the cache is a volume, so that weights outlive a container.
RUN useradd --uid 1000 --create-home --shell /bin/bash bench \
    && install --directory --owner bench --group bench /work /cache
USER 1000
ENV HF_HOME=/cache/huggingface \
    SPATIALBENCH_CACHE=/cache/spatialbench \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
VOLUME ["/cache"]
WORKDIR /work
ENTRYPOINT ["spatialbench"]
CMD ["--help"]
