# libra-bench for a GPU cluster. UNTESTED: it was written where no image could be built and no GPU was at hand.
#
#   docker build -t libra-bench .
#   docker run --gpus all -v "$PWD:/data" -v libra-cache:/cache libra-bench run --suite demo --model libra-tiny
#
# torch's wheels bring CUDA; the host needs only its driver and the NVIDIA container toolkit. apptainer reads the same
# image: apptainer run --nv docker-daemon://libra-bench:latest run --suite demo --model libra-tiny
FROM python:3.11-slim-bookworm

# A compiler: some packages come as source, and triton compiles for the GPU that it finds.
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ make \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/libra-bench
COPY . .
RUN make install && rm -rf /root/.cache

# Runs go below the folder that is mounted on /data, weights from a hub into /cache; both writable for any user.
ENV PATH=/opt/libra-bench/.venv/bin:$PATH \
    HF_HOME=/cache/huggingface \
    XDG_CACHE_HOME=/cache \
    MPLCONFIGDIR=/tmp/matplotlib
RUN mkdir -p /cache /data && chmod 1777 /cache /data
WORKDIR /data
ENTRYPOINT ["libra-bench"]
