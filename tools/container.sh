# Sourced by tools/dev and tools/image: which container tool there is, and how it builds a stage of Dockerfile.
# shellcheck shell=bash
# Expects $repo, the repository's folder.

: "${repo:?}"
base_image=$(sed -n 's/^ARG BASE_IMAGE=//p' "$repo/Dockerfile")

say() { printf '%s\n' "tools/dev: $*" >&2; }
die() { say "$*"; exit 125; }

# docker, podman, buildah or none. buildah works as root without a daemon, and apt_install brings it.
container_tool() {
  if docker info >/dev/null 2>&1; then echo docker
  elif podman info >/dev/null 2>&1; then echo podman
  elif [ "$(id -u)" = 0 ] && { command -v buildah || command -v apt-get; } >/dev/null; then echo buildah
  else echo none
  fi
}

no_container_tool() {
  die "found no way to run gst-clipembed's environment here. Any one of these is enough:
  - docker or podman that this user may use (checked with 'docker info' and 'podman info');
  - root on a Debian or Ubuntu system (buildah is then installed by apt-get): try 'sudo tools/dev ...';
  - Debian 13 or newer with the packages that Dockerfile lists under 'base' and 'dev'."
}

apt_install() {
  say "installing $*"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >&2
  apt-get install -y -qq --no-install-recommends "$@" >&2
}

# $1: docker, podman or buildah. True when the base image is here or its registry gives it.
have_base_image() {
  case $1 in
    buildah) buildah inspect --type image "$base_image" >/dev/null 2>&1 || timeout 60 buildah pull -q "$base_image" >/dev/null 2>&1 ;;
    *) "$1" image inspect "$base_image" >/dev/null 2>&1 || timeout 60 "$1" pull -q "$base_image" >/dev/null 2>&1 ;;
  esac
}

make_base_image() {
  say "no container registry answers for $base_image; making it from the Debian mirror with mmdebstrap"
  command -v mmdebstrap >/dev/null || { [ "$(id -u)" = 0 ] && apt_install mmdebstrap debian-archive-keyring; } ||
    die "mmdebstrap is missing: install it, or make a container registry reachable"
  local tar container
  tar=$(mktemp --suffix=.tar)
  mmdebstrap --quiet --variant=minbase trixie "$tar" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >&2
  if [ "$1" = buildah ]; then
    container=$(buildah from scratch)
    buildah add -q "$container" "$tar" / >/dev/null
    buildah commit -q --rm "$container" "$base_image" >/dev/null
  else
    "$1" import "$tar" "$base_image" >/dev/null
  fi
  rm -f "$tar"
}

# have_image TOOL IMAGE
have_image() {
  if [ "$1" = buildah ]; then buildah inspect --type image "localhost/$2" >/dev/null 2>&1
  else "$1" image inspect "$2" >/dev/null 2>&1
  fi
}

# build_stage TOOL STAGE TAG CONTEXT [OPTIONS...]: quiet unless it fails.
build_stage() {
  local tool=$1 stage=$2 tag=$3 context=$4 log
  shift 4
  have_base_image "$tool" || make_base_image "$tool"
  log=$(mktemp)
  local command=("$tool" build --network host)
  # Layers: without them buildah would repeat `base` and `dev` for every image. OCI images have no HEALTHCHECK.
  [ "$tool" = buildah ] && command=(buildah bud --layers --format docker --isolation chroot --network host)
  if ! "${command[@]}" "$@" --target "$stage" -t "$tag" -f "$repo/Dockerfile" "$context" >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    die "building the $stage stage failed; the whole log is $log"
  fi
  rm -f "$log"
}
