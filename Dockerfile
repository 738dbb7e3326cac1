# The one definition of gst-clipembed's platform: Debian 13, everything from its own packages.
#
#   base     what the installed software needs to run
#   dev      base + compilers and what the tests and benchmarks need   (tools/dev runs commands here)
#   build    dev + this source tree, compiled and installed under /opt/stage
#   runtime  base + the result, as an unprivileged user
#
# Where no container registry can be reached, tools/dev makes debian:trixie-slim with mmdebstrap under the same name.
ARG BASE_IMAGE=debian:trixie-slim

FROM ${BASE_IMAGE} AS base
ENV LANG=C.UTF-8
# libopenblas0-openmp: without it LibTorch links the reference BLAS through alternatives, 60 times slower in fp32.
# The pixbuf loaders are what gdkpixbufdec decodes WebP, HEIC, AVIF and JPEG XL with.
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      ca-certificates \
      gstreamer1.0-libav gstreamer1.0-plugins-bad gstreamer1.0-plugins-base gstreamer1.0-plugins-good \
      gstreamer1.0-plugins-ugly gstreamer1.0-tools \
      fonts-dejavu-core heif-gdk-pixbuf libjxl-gdk-pixbuf webp-pixbuf-loader \
      libjson-glib-1.0-0 libopenblas0-openmp libpangocairo-1.0-0 libseccomp2 libsoup-3.0-0 libtorch2.6 \
 && rm -rf /var/lib/apt/lists/*

FROM base AS dev
# curl, ffmpeg, python3 and chromium: tests and benchmarks only; nothing of the product runs them.
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      ccache check chromium clang clang-format clang-tidy curl ffmpeg file g++ gdb git libc6-dbg libclang-rt-dev \
      gir1.2-gst-plugins-base-1.0 gir1.2-gstreamer-1.0 gobject-introspection libgirepository1.0-dev \
      libgdk-pixbuf-2.0-dev libgstreamer-plugins-bad1.0-dev libgstreamer-plugins-base1.0-dev libgstreamer1.0-dev \
      libjpeg62-turbo-dev libjson-glib-dev libpango1.0-dev librsvg2-bin libseccomp-dev libsoup-3.0-dev libtorch-dev \
      mandoc meson ninja-build nodejs npm opencv-doc pkgconf procps \
      python3 python3-gi python3-numpy python3-openapi-spec-validator shellcheck time valgrind \
 && rm -rf /var/lib/apt/lists/*
# tools/dev runs commands natively where this file is.
RUN touch /etc/gst-clipembed-dev

FROM dev AS build
# CUDA: the address of a LibTorch archive and its SHA-256; docs/deploy.md has an example. Empty: Debian's LibTorch.
ARG TORCH_ARCHIVE=
ARG TORCH_ARCHIVE_SHA256=
RUN mkdir -p /opt/libtorch/lib \
 && if [ -n "$TORCH_ARCHIVE" ]; then \
      curl -fsSL -o /tmp/libtorch.zip "$TORCH_ARCHIVE" \
   && echo "$TORCH_ARCHIVE_SHA256  /tmp/libtorch.zip" | sha256sum -c - \
   && python3 -m zipfile -e /tmp/libtorch.zip /opt \
   && rm -f /tmp/libtorch.zip /opt/libtorch/lib/*.a; \
    fi
COPY . /src
# ccache helps where ~/.cache/ccache is a volume of the build: tools/image mounts the one that tools/dev has.
RUN meson setup /src/build /src --prefix=/usr -Dtests=false -Dbench=false \
      $(if [ -n "$TORCH_ARCHIVE" ]; then echo -Dtorch=/opt/libtorch -Dcuda=enabled; fi) \
 && ninja -C /src/build \
 && DESTDIR=/opt/stage meson install -C /src/build --strip \
 && rm -rf /src/build

FROM base AS runtime
COPY --from=build /opt/libtorch/lib/ /opt/libtorch/lib/
COPY --from=build /opt/stage/ /
# GStreamer's list of plugins is made here once: the service may run with a read-only root.
ENV HF_HOME=/var/cache/clipembed GST_REGISTRY=/usr/share/gst-clipembed/registry.bin EMBEDDING_LISTEN=0.0.0.0:8000
RUN useradd --system --home-dir /var/cache/clipembed --create-home --shell /usr/sbin/nologin clipembed \
 && mkdir -p /usr/share/gst-clipembed \
 && gst-inspect-1.0 clipembed >/dev/null
USER clipembed
WORKDIR /var/cache/clipembed
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s CMD ["clipembedd", "--check-health", "http://127.0.0.1:8000/health"]
# Further arguments are the service's; --entrypoint clipembed is the command-line tool.
ENTRYPOINT ["clipembedd"]
