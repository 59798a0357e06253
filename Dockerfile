# The book's environment and JupyterLab with the chapters. Not built where it was written: no Docker
# was at hand there, and a test checks only what it promises.
#
#   docker build -t regimes .
#   docker run --rm -p 127.0.0.1:8888:8888 regimes
FROM python:3.11-slim-bookworm

RUN apt-get update \
 && apt-get install --yes --no-install-recommends git make \
 && rm -rf /var/lib/apt/lists/*

# Where pip looks, too: --build-arg PIP_EXTRA_INDEX_URL=… can name an index with builds of PyTorch
# for the CPU, which are some gigabytes smaller.
ARG PIP_EXTRA_INDEX_URL

RUN useradd --create-home --uid 1000 reader
USER reader
WORKDIR /home/reader/book

# The packages first, so that a change of the book installs nothing anew.
COPY --chown=reader requirements.lock requirements-lab.txt ./
RUN python -m venv .venv \
 && .venv/bin/python -m pip install --no-cache-dir --requirement requirements.lock
COPY --chown=reader . .
RUN make setup .venv-lab/.installed

EXPOSE 8888
CMD ["make", "lab", "LAB_OPTIONS=--ip=0.0.0.0 --no-browser"]
