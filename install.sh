#!/bin/sh
# Installs pspf: one executable, no service, no configuration.
#
#   curl -fsSL URL/install.sh | PSPF_URL_BASE=URL sh        a released build, checksum verified
#   sh install.sh --offline --from pspf-0.1.0-linux-x64.tar.gz   the same without any network
#   sh install.sh                                           inside a checkout: builds, then installs
#   sh install.sh --demo                                    ... and starts the demo
#   sh install.sh --test                                    ... and runs every test
#
# Everything happens inside main, called on the last line: a truncated download runs nothing.
set -eu

BUN_VERSION=1.4.5

say() { printf '%s\n' "$*" >&2; }
die() { # die WHAT HOW-TO-FIX
  say "install.sh: $1"
  [ -n "${2:-}" ] && say "  fix: $2"
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

usage() {
  cat <<'TEXT'
usage: sh install.sh [--demo | --test] [--prefix DIR]            inside a checkout: build and install
       sh install.sh --from FILE [--offline] [--expected-sha256 HEX]   install from an archive
       sh install.sh [--mirror URL] [--version V] [--baseline]         install a released build
       sh install.sh --uninstall [--prefix DIR]                        remove the executable, keep the data
TEXT
}

# --- the machine ---------------------------------------------------------------------------------------------------

target_of_this_machine() {
  case "$(uname -s)" in
    Linux) os=linux ;;
    Darwin) os=darwin ;;
    MINGW* | MSYS* | CYGWIN*) os=windows ;;
    *) die "no build for the system $(uname -s)" "build from a checkout on a supported one: Linux, macOS, Windows" ;;
  esac
  case "$(uname -m)" in
    x86_64 | amd64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) die "no build for the processor $(uname -m)" "x86-64 and arm64 are supported" ;;
  esac
  suffix=
  if [ "$os" = linux ]; then
    if is_musl; then suffix=-musl
    elif [ "$arch" = x64 ] && { [ "$baseline" = 1 ] || ! grep -qw avx2 /proc/cpuinfo 2>/dev/null; }; then suffix=-baseline
    fi
  fi
  printf '%s-%s%s' "$os" "$arch" "$suffix"
}

# The release file of one distribution says nothing about another: ask the loader itself.
is_musl() {
  for loader in /lib/ld-musl-*.so.1; do [ -e "$loader" ] && { ! have ldd || ldd --version 2>&1 | grep -qi musl; } && return 0; done
  return 1
}

sha256_of() {
  if have sha256sum; then sha256sum "$1" | cut -d' ' -f1
  elif have shasum; then shasum -a 256 "$1" | cut -d' ' -f1
  elif have openssl; then openssl dgst -sha256 "$1" | sed 's/.*= *//'
  else die "no program to verify a checksum" "install sha256sum, shasum or openssl"; fi
}

download() { # download URL FILE
  if have curl; then curl -fsSL --retry 3 -o "$2" "$1"
  elif have wget; then wget -q -O "$2" "$1"
  else die "neither curl nor wget is here" "install one, or copy the archive and use --offline --from FILE"; fi
}

# --- installing ----------------------------------------------------------------------------------------------------

install_directory() {
  if [ -n "$prefix" ]; then printf '%s' "$prefix"
  elif [ "$(id -u)" = 0 ]; then printf /usr/local/bin
  else printf '%s/.local/bin' "$HOME"; fi
}

place() { # place BINARY
  "$1" version >/dev/null 2>&1 || die "the executable does not run on this machine" "try --baseline (older processor) or another build; details: $1 version"
  bin=$(install_directory)
  mkdir -p "$bin" 2>/dev/null || die "cannot create $bin" "choose another place: --prefix DIR"
  [ -w "$bin" ] || die "$bin is not writable" "choose another place: --prefix DIR"
  if [ -f "$bin/pspf" ] && [ "$(sha256_of "$bin/pspf")" = "$(sha256_of "$1")" ]; then
    say "pspf is up to date in $bin"
  else
    # A rename replaces a running executable safely; a copy over it would not.
    cp "$1" "$bin/.pspf.new" && chmod 755 "$bin/.pspf.new" && mv -f "$bin/.pspf.new" "$bin/pspf"
    ln -sf pspf "$bin/pspfctl"
    say "installed $("$bin/pspf" version 2>/dev/null | head -n 1) as $bin/pspf"
  fi
  case ":$PATH:" in
    *":$bin:"*) ;;
    *) say "add it to your path:  export PATH=\"$bin:\$PATH\"" ;;
  esac
}

uninstall() {
  bin=$(install_directory)
  rm -f "$bin/pspf" "$bin/pspfctl"
  say "removed pspf from $bin; data directories are untouched"
}

checksum_beside() { # checksum_beside ARCHIVE -> the expected checksum, from --expected-sha256, FILE.sha256 or SHA256SUMS
  if [ -n "$expected" ]; then printf '%s' "$expected"
  elif [ -f "$1.sha256" ]; then cut -d' ' -f1 "$1.sha256"
  elif [ -f "$(dirname "$1")/SHA256SUMS" ]; then
    awk -v name="$(basename "$1")" '$2 == name || $2 == "*" name { print $1 }' "$(dirname "$1")/SHA256SUMS"
  fi
}

install_archive() { # install_archive FILE
  [ -f "$1" ] || die "there is no file $1" "give the path of a pspf-*.tar.gz"
  want=$(checksum_beside "$1")
  [ -n "$want" ] || die "no checksum for $1" "put SHA256SUMS (or $1.sha256) beside it, or give --expected-sha256 HEX"
  got=$(sha256_of "$1")
  [ "$want" = "$got" ] || die "the checksum of $1 does not match (expected $want, found $got)" "copy or download the archive again"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT INT TERM
  tar -xzf "$1" -C "$work" || die "$1 cannot be unpacked" "copy or download the archive again"
  binary=$(find "$work" -type f \( -name pspf -o -name pspf.exe \) | head -n 1)
  [ -n "$binary" ] || die "$1 holds no pspf executable" "use an archive made by compile.ts"
  place "$binary"
}

install_release() {
  [ "$offline" = 0 ] || die "--offline needs --from FILE" "sh install.sh --offline --from pspf-VERSION-$(target_of_this_machine).tar.gz"
  [ -n "$mirror" ] || die "no release address is set" "give --mirror URL (a folder with the archives and SHA256SUMS), or run inside a checkout"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT INT TERM
  download "$mirror/SHA256SUMS" "$work/SHA256SUMS" || die "cannot download $mirror/SHA256SUMS" "check the address and the network"
  target=$(target_of_this_machine)
  name=$(awk '{ print $2 }' "$work/SHA256SUMS" | grep -E "^pspf-${version:-[0-9][^-]*}-$target\.tar\.gz\$" | tail -n 1)
  [ -n "$name" ] || die "$mirror has no build for $target${version:+ of version $version}" "see $mirror/SHA256SUMS for what there is"
  say "downloading $name"
  download "$mirror/$name" "$work/$name" || die "cannot download $mirror/$name" "check the network and try again"
  install_archive "$work/$name"
}

# --- building in a checkout ----------------------------------------------------------------------------------------

# The pinned Bun: node_modules has it after an install; before that, any Bun or npm will do to get there.
bun_works() { [ "$("$1" --version 2>/dev/null)" = "$BUN_VERSION" ]; }

get_bun() {
  pinned=$checkout/node_modules/.bin/bun
  if bun_works "$pinned"; then bun=$pinned
  elif have bun; then bun=$(command -v bun)
  elif have npm; then
    # Apart from the project's own node_modules, so that npm does not judge dependencies that bun.lock pins.
    cache=${XDG_CACHE_HOME:-$HOME/.cache}/pspf/bun-$BUN_VERSION
    bun=$cache/node_modules/.bin/bun
    if ! bun_works "$bun"; then
      say "getting Bun $BUN_VERSION through npm"
      mkdir -p "$cache" && printf '{"private":true}\n' >"$cache/package.json"
      npm install --prefix "$cache" --no-audit --no-fund --loglevel=error "bun@$BUN_VERSION" >&2 || die "npm could not install bun@$BUN_VERSION" "check the registry npm is set up for"
      bun_works "$bun" || (cd "$cache/node_modules/bun" && node install.js >&2) || true
    fi
  else
    die "neither Bun nor npm is here" "install Node.js (with npm) or Bun $BUN_VERSION"
  fi
  "$bun" --version >/dev/null 2>&1 || die "Bun does not run on this machine" "see: $bun --version"
  # Programs of node_modules (and compile.ts itself) find Bun by name.
  PATH=$(dirname "$bun"):$PATH
  export PATH
}

build() {
  get_bun
  cd "$checkout"
  say "installing dependencies"
  "$bun" install --frozen-lockfile >&2 || die "the dependencies could not be installed" "check the network or the registry that npm uses"
  # From here on the pinned version, whatever brought us here.
  pinned=$checkout/node_modules/.bin/bun
  bun_works "$pinned" || (cd "$checkout/node_modules/bun" && "$bun" install.js >&2) || true
  if bun_works "$pinned"; then bun=$pinned; PATH=$checkout/node_modules/.bin:$PATH; fi
  bun_works "$bun" || die "Bun $BUN_VERSION is needed, found $("$bun" --version)" "install it: npm install -g bun@$BUN_VERSION"
  say "compiling"
  "$bun" compile.ts >&2 || die "the build failed" "see the messages above"
}

# The browser that the end-to-end tests drive.
get_browser() {
  for name in chromium chromium-browser google-chrome google-chrome-stable; do have "$name" && return 0; done
  if have apt-get && [ "$(id -u)" = 0 ]; then
    say "installing Chromium for the browser tests"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } >&2 ||
      say "Chromium could not be installed: the browser tests will fail"
  else
    say "no Chromium here: the browser tests will fail (install the package chromium)"
  fi
}

main() {
  mode=install from= offline=0 expected= mirror=${PSPF_URL_BASE:-} version=${PSPF_VERSION:-} prefix= baseline=0
  while [ $# -gt 0 ]; do
    case "$1" in
      --demo | --test | --uninstall) mode=${1#--} ;;
      --offline) offline=1 ;;
      --baseline) baseline=1 ;;
      --from | --expected-sha256 | --mirror | --version | --prefix)
        [ $# -ge 2 ] || die "$1 needs a value" "sh install.sh --help"
        case "$1" in
          --from) from=$2 ;;
          --expected-sha256) expected=$2 ;;
          --mirror) mirror=${2%/} ;;
          --version) version=$2 ;;
          --prefix) prefix=$2 ;;
        esac
        shift ;;
      -h | --help) usage; exit 0 ;;
      *) usage >&2; die "unknown option $1" "see the usage above" ;;
    esac
    shift
  done
  [ -n "${HOME:-}" ] || HOME=/tmp

  if [ "$mode" = uninstall ]; then uninstall; return; fi
  if [ -n "$from" ]; then install_archive "$from"; return; fi
  checkout=$(CDPATH='' cd -- "$(dirname -- "$0")" 2>/dev/null && pwd) || checkout=
  if [ -z "$checkout" ] || [ ! -f "$checkout/compile.ts" ] || [ -n "$mirror" ]; then install_release; return; fi

  build
  place "$checkout/dist/pspf"
  case "$mode" in
    demo) exec "$checkout/dist/pspf" serve --demo --open ;;
    test) get_browser; exec "$bun" test/run.ts ;;
    install) say "start it:  pspf serve" ;;
  esac
}

main "$@"
