# The environment that requirements.lock pins, for clusters whose nodes run containers; docs/cluster.md says how.
#
#     docker build --build-arg TORCH_BUILD=cuda --tag smiling .
FROM debian:12-slim

# A compiler for compiled updates; EGL and OSMesa to film without a screen; git, which says what commit a run is of.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ git libegl1 libosmesa6 python3 python3-dev python3-venv \
    && rm -rf /var/lib/apt/lists/*

# 'cuda': PyTorch with CUDA, for an image that is built where no GPU is; else its CPU build.
ARG TORCH_BUILD=
COPY . /suite
RUN python3 -m venv /opt/smiling \
    && PATH=/opt/smiling/bin:$PATH TORCH_BUILD=$TORCH_BUILD /suite/workflow/install \
    && rm -rf /root/.cache

ENV PATH=/opt/smiling/bin:$PATH
WORKDIR /suite
