#!/bin/sh
# Builds the image with the first engine that answers: docker, podman or buildah.
# Usage: image.sh [folder]. VERSION=… sets another version, PYTHON=… the tag of the base image.
set -eu
cd "${1:-$(dirname "$0")/..}"
for engine in docker podman buildah none; do
    "$engine" info > /dev/null 2>&1 && break
done
[ "$engine" = none ] && echo "No docker, podman or buildah answers on this machine." >&2 && exit 1
version=${VERSION:-$(sed -n 's/^ARG VERSION=//p' Dockerfile)}
# Only Docker's image format has health checks, and podman and buildah default to OCI.
BUILDAH_FORMAT=docker "$engine" build --tag "lct:$version" --build-arg "VERSION=$version" \
    --build-arg "REVISION=$(git rev-parse HEAD 2> /dev/null || echo unknown)" \
    ${PYTHON:+--build-arg "PYTHON=$PYTHON"} .
echo "lct:$version has $("$engine" images --format '{{.Size}}' "lct:$version" | head -n 1)"
