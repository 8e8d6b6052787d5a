# One image for every service: docker-compose.yml says which one a container runs.
FROM python:3.11-slim-bookworm AS console
WORKDIR /build
COPY requirements-node.lock package.json package-lock.json ./
RUN python3 -m venv /opt/node && /opt/node/bin/pip install --no-cache-dir --require-hashes -r requirements-node.lock
# Node trusts the image's certificates, as pip does, and not only its own.
ENV NODE_USE_SYSTEM_CA=1
RUN PATH=/opt/node/bin:$PATH npm ci --ignore-scripts --no-audit --no-fund

FROM python:3.11-slim-bookworm AS packages
COPY requirements.lock ./
RUN python3 -m venv /opt/sandan && /opt/sandan/bin/pip install --no-cache-dir --require-hashes -r requirements.lock

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --create-home sandan
COPY --from=packages /opt/sandan /opt/sandan
WORKDIR /app
COPY infra infra
COPY shared shared
COPY optimizers optimizers
COPY services services
COPY cli cli
COPY --from=console /build/node_modules /tmp/node_modules
COPY package.json ./
RUN infra/vendor.sh /tmp/node_modules && rm -rf /tmp/node_modules && mkdir -p /var/sandan /var/lib/sandan-field && chown sandan /var/sandan /var/lib/sandan-field
USER sandan
ENV PATH=/opt/sandan/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 SANDAN_RUN_DIR=/var/sandan/run
ENTRYPOINT ["python", "-m"]
CMD ["cli.main", "--help"]
