# SPDX-License-Identifier: MIT
# Read by demo.sh, program.sh and test.sh: finds what a build needs and installs what is missing from the distribution's packages.
# Wants bash alone. Sets `root` (of the repository); reads `yes` (1: use sudo without asking).

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
log=$root/build/packages.log
yes=0

say() { printf '== [%4d s] %s\n' "$SECONDS" "$*"; }
die() { printf 'chg: error: %s\n' "$*" >&2; exit 1; }

# at_least HAVE WANTED: whether version HAVE is WANTED or newer.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# The version that a tool reports, or 0.
version_of() { { "$@" 2>/dev/null || echo 0; } | grep -oE '[0-9]+(\.[0-9]+)*' | head -n 1; }

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

available() { apt-get install --simulate -qq "$1" >/dev/null 2>&1; }

have_lists() { compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null; }

# logged COMMAND...: as root, its output in the log.
logged() {
  mkdir -p "${log%/*}"
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi </dev/null >>"$log" 2>&1
}

# install PACKAGE...: after asking, unless we are root or --yes was given. A name that ends in ? may be unknown here.
install() {
  local names="${*//\?/}" update=() package wanted=()
  command -v apt-get >/dev/null || die "missing: $names. Expected Debian or Ubuntu, got a system without apt-get. Install these by hand."
  local sudo='' command
  if [ "$(id -u)" != 0 ] && command -v sudo >/dev/null; then sudo='sudo '; fi
  command="${sudo}apt-get install --yes --no-install-recommends $names"
  if ! have_lists; then
    update=(apt-get update -q)
    command="${sudo}apt-get update && $command"
  fi
  if [ "$(id -u)" != 0 ]; then
    [ "$sudo" ] || die "missing: $names. Run this as root, then try again: $command"
    if [ "$yes" = 0 ]; then
      [ -t 0 ] || die "missing: $names. Run this, then try again (or give --yes): $command"
      read -r -p "chg needs packages that are not installed. Run \"$command\"? [y/N] " answer
      case $answer in [yY]*) ;; *) die "missing: $names. Nothing was installed." ;; esac
    fi
  fi
  say "installing $names"
  [ ${#update[@]} = 0 ] || logged "${update[@]}" || true
  for package in "$@"; do
    if [ "$package" = "${package%\?}" ] || available "${package%\?}"; then
      wanted+=("${package%\?}")
    else
      say "without ${package%\?}, which this distribution does not have"
    fi
  done
  [ ${#wanted[@]} != 0 ] || return 0
  local get=(env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends -q "${wanted[@]}")
  logged "${get[@]}" && return
  logged apt-get update -q || true  # the package lists may be old
  logged "${get[@]}" || { tail -n 30 "$log" >&2; die "could not install ${wanted[*]}. All of it is in $log."; }
}

# need PACKAGE...: installs those that are missing.
need() {
  local missing=() package
  for package in "$@"; do
    case $package in
      g++) at_least "$(version_of g++ -dumpfullversion)" 12 && continue ;;
      clang-16) command -v clang++-16 >/dev/null && continue ;;
      cmake) at_least "$(version_of cmake --version)" 3.25 && continue ;;
      ninja-build) command -v ninja >/dev/null && continue ;;
    esac
    installed "${package%\?}" || missing+=("$package")
  done
  # Nobody is asked about packages that a known list does not have.
  if have_lists; then
    for package in "${!missing[@]}"; do
      case ${missing[$package]} in *\?) available "${missing[$package]%\?}" || unset "missing[$package]" ;; esac
    done
  fi
  [ ${#missing[@]} = 0 ] || install "${missing[@]}"
}

# Compilers at work at once: one a core, and 2 GB of free memory for each.
jobs() {
  local cores free
  cores=$(nproc 2>/dev/null || echo 1)
  free=$(awk '/^MemAvailable:/ { print int($2 / 2000000) }' /proc/meminfo 2>/dev/null || echo 1)
  [ "$free" -ge 1 ] || free=1
  echo $(( cores < free ? cores : free ))
}

build_packages=(g++ cmake ninja-build libeigen3-dev libxtensor-dev nlohmann-json3-dev)
program_packages=(libcli11-dev libfmt-dev libonig-dev libicu-dev)
test_packages=("${program_packages[@]}" catch2 libbenchmark-dev libopenblas-dev 'valgrind?')
