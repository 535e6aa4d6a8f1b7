# syntax=docker/dockerfile:1
# All images of Grove: `docker build --target site|worker-cpu|worker-cuda|proxy .`; docker-compose.yml builds them by name.
# The Python and the Debian that the tests run on. For a build that never changes, give these with their digests.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm
ARG NGINX_IMAGE=nginx:1.28.0-alpine

# --- what is installed, in an environment that the final images copy whole ------------------------------------------

FROM ${PYTHON_IMAGE} AS site-packages
ENV PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY .ci/environment.py .ci/
COPY pyproject.toml .
RUN python .ci/environment.py /opt/grove stream backup

FROM ${PYTHON_IMAGE} AS worker-cpu-packages
ENV PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY .ci/environment.py .ci/
COPY pyproject.toml .
RUN python .ci/environment.py /opt/grove only:worker

FROM ${PYTHON_IMAGE} AS worker-cuda-packages
ENV PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1 GROVE_TORCH=cuda
WORKDIR /app
COPY .ci/environment.py .ci/
COPY pyproject.toml .
RUN python .ci/environment.py /opt/grove only:worker

# --- the site: web, stream, hub worker, beat, prepare ------------------------------------------------------------------

FROM ${PYTHON_IMAGE} AS site
RUN apt-get update \
 && apt-get install -y --no-install-recommends git \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --home-dir /var/lib/grove --no-create-home --shell /usr/sbin/nologin grove \
 && install -d -o grove -g grove -m 0700 /var/lib/grove
ENV PATH=/opt/grove/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    GROVE_DATA=/var/lib/grove GROVE_STATIC=/srv/static \
    MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=4194304 MALLOC_TRIM_THRESHOLD_=4194304
WORKDIR /app
COPY --from=site-packages /opt/grove /opt/grove
COPY LICENSE manage.py ./
COPY hub hub
COPY workers workers
COPY templates templates
COPY static static
# Messages compiled, style sheets and scripts named by their content and compressed. The key signs nothing that stays.
RUN GROVE_SECRET_KEY=build GROVE_DATA=/tmp/build python manage.py prepare --no-database && rm -rf /tmp/build \
 && python -m compileall -q hub workers
USER 10001
VOLUME /var/lib/grove
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=5)"]
CMD ["gunicorn", "hub.wsgi", "--worker-class=gthread", "--workers=2", "--threads=64", "--preload", "--no-control-socket", \
     "--bind=0.0.0.0:8000", "--keep-alive=75", "--timeout=120", "--graceful-timeout=30", "--limit-request-line=8190", \
     "--log-level=warning", "--logger-class=hub.core.logs.GunicornLogger"]

# --- nginx with its configuration and the static files of this version --------------------------------------------------

FROM ${NGINX_IMAGE} AS proxy
COPY deploy/nginx/nginx.conf deploy/nginx/forwarded.conf /etc/nginx/
COPY deploy/nginx/http.conf /etc/nginx/listen.conf
COPY --from=site /srv/static /srv/static
USER 101:101
EXPOSE 80 443
HEALTHCHECK --interval=15s --timeout=5s CMD ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/"]

# --- workers: torch, and the means to confine what they load; no hub, no database driver -----------------------------------

FROM ${PYTHON_IMAGE} AS worker
RUN apt-get update \
 && apt-get install -y --no-install-recommends bubblewrap \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10002 --home-dir /var/lib/grove-worker --no-create-home --shell /usr/sbin/nologin worker \
 && install -d -o worker -g worker -m 0700 /var/lib/grove-worker
ENV PATH=/opt/grove/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    GROVE_WORKER_DATA=/var/lib/grove-worker GROVE_ALIVE_FILE=/tmp/alive HOME=/var/lib/grove-worker \
    MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=4194304 MALLOC_TRIM_THRESHOLD_=4194304
WORKDIR /app
COPY LICENSE ./
COPY workers workers
USER 10002
VOLUME /var/lib/grove-worker
HEALTHCHECK --interval=15s --timeout=10s --start-period=120s \
  CMD ["python", "-c", "import os, time; assert time.time() - os.stat('/tmp/alive').st_mtime < 60"]

FROM worker AS worker-cpu
COPY --from=worker-cpu-packages /opt/grove /opt/grove

FROM worker AS worker-cuda
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=worker-cuda-packages /opt/grove /opt/grove
