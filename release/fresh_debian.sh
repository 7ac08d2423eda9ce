#!/usr/bin/env bash
# Builds a bare Debian in a folder and runs `make demo` and `make test` in it, as a new user of it would. For releases.
#
#   release/fresh_debian.sh SUITE [FOLDER] [COMMAND…]
#
#   SUITE    bookworm (Debian 12, Python 3.11), trixie (Debian 13, Python 3.13), or another that the mirror has
#   FOLDER   where the machine lies, debian-SUITE in the folder for temporary files by default; one that is there
#            already is used again, with what was installed in it
#   COMMAND  what to run instead, each in one argument: "make lint"
#
# Wants root, debootstrap, git, about 8 GB and a mirror. Mirror, certificates, proxies and pip's settings are taken
# from this machine as it is set up. The mounts live in a namespace of their own, which ends with this script, however
# it ends: nothing of this machine is below FOLDER before or afterwards.
set -euo pipefail

suite=${1:?"which Debian? release/fresh_debian.sh trixie"}
folder=$(realpath --canonicalize-missing "${2:-${TMPDIR:-/tmp}/debian-$suite}")
commands=("${@:3}")
[ "${#commands[@]}" -gt 0 ] || commands=("make demo" "make test")
repository=$(realpath "$(dirname "$0")/..")
user=newcomer
home=/home/$user

fail() {
    echo "Error: $1" >&2
    exit 2
}

[ "$(id -u)" = 0 ] || fail "building a machine wants root; run it as root."
command -v debootstrap >/dev/null || fail "debootstrap is not installed; run 'apt-get install debootstrap'."
if [ -z "${FRESH_DEBIAN_INSIDE:-}" ]; then
    # Own mounts and own process numbers: both end with the script, and with them what it left running.
    FRESH_DEBIAN_INSIDE=1 exec unshare --mount --pid --fork --kill-child "$0" "$@"
fi

# Names of the environment that say how this machine reaches others.
passed=()
while IFS= read -r variable; do
    passed+=("$variable")
done < <(env | grep -iE '^(PIP_[A-Z_]+|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|(https?|no|all)_proxy)=' || true)

build() {
    local mirror
    mirror=${MIRROR:-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | head -n 1)}
    [ -n "$mirror" ] || fail "apt knows no mirror; name one: MIRROR=… $0 $suite."
    debootstrap --variant=minbase --include=ca-certificates "$suite" "$folder.part" "$mirror" >"$folder.log" 2>&1 ||
        fail "debootstrap failed; see $folder.log."
    mv "$folder.part" "$folder"
    rm "$folder.log"
}

# As this machine reaches the network, so does that one.
borrow_settings() {
    cp --dereference /etc/resolv.conf "$folder/etc/resolv.conf"
    # Debian's installer writes this line, and debootstrap does not.
    printf '127.0.0.1\tlocalhost\n127.0.1.1\t%s\n' "$(hostname)" >"$folder/etc/hosts"
    if [ -d /usr/local/share/ca-certificates ]; then
        cp --recursive /usr/local/share/ca-certificates "$folder/usr/local/share/"
        chroot "$folder" update-ca-certificates >/dev/null 2>&1
    fi
    apt-config dump | grep -E '^Acquire::(http|https|Check)' >"$folder/etc/apt/apt.conf.d/99host" || true
    local configuration=() file
    for file in /etc/pip.conf /etc/xdg/pip/pip.conf; do
        [ -f "$file" ] && install -D --mode=644 "$file" "$folder$file" && configuration+=("$file")
    done
    for file in ~/.pip/pip.conf ~/.config/pip/pip.conf; do
        [ -f "$file" ] && install -D --mode=644 "$file" "$folder$home/.config/pip/pip.conf" && configuration+=("$file")
    done
    # Folders and files of this machine that pip is told to look into, read-only.
    { [ "${#configuration[@]}" = 0 ] || cat "${configuration[@]}"; printf '%s\n' "${passed[@]}"; } |
        { grep -oE '(file://)?/[^ ,]+' || true; } |
        # The links of an index in a folder, …/simple, lead to its neighbours.
        sed --regexp-extended 's,^file://(.+)/[^/]+/?$,\1,' | sort -u | while IFS= read -r file; do
        if [ -d "$file" ] && [ ! -d "$folder/$file" ]; then
            mkdir -p "$folder/$file"
        fi
        if [ -d "$file" ] && [[ "$file" != /etc/* ]]; then
            mount --bind --options ro "$file" "$folder/$file"
        elif [ -f "$file" ] && [[ "$file" != /etc/ssl/* ]]; then
            install -D --mode=644 "$file" "$folder/$file"
        fi
    done
}

# A command in there, as root; the environment of this machine stays out, but for how the network is reached.
inside() {
    chroot "$folder" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        HOME=/root "${passed[@]}" "$@"
}

as_newcomer() {
    chroot --userspec="$user:$user" "$folder" /usr/bin/env -i PATH=/usr/bin:/bin LANG=C.UTF-8 HOME="$home" \
        USER="$user" "${passed[@]}" bash -c "$1"
}

[ -e "$folder/etc/debian_version" ] || build
mount --types proc proc "$folder/proc"
mount --rbind /dev "$folder/dev"
inside id "$user" >/dev/null 2>&1 || inside useradd --create-home --shell /bin/bash "$user"
borrow_settings
inside chown --recursive "$user:$user" "$home/.config" 2>/dev/null || true
inside apt-get -qq update
inside apt-get -qq install --yes --no-install-recommends make python3-venv git >/dev/null

# The repository as it was committed, handed over in one file: what a clone would bring.
git -C "$repository" bundle create --quiet "$folder$home/beholder.bundle" HEAD
chmod a+r "$folder$home/beholder.bundle"
as_newcomer "cd && { [ -d beholder ] || git init --quiet --initial-branch=main beholder; } && cd beholder &&
    git fetch --quiet ../beholder.bundle HEAD && git checkout --quiet --force --detach FETCH_HEAD"

echo "Debian $(cat "$folder/etc/debian_version") ($suite), $(as_newcomer "python3 --version"), $(nproc) cores," \
    "commit $(git -C "$repository" rev-parse --short HEAD), $(date --utc +%F)"
worst=0
for number in "${!commands[@]}"; do
    log="$folder$home/command-$((number + 1)).log"
    began=$(date +%s)
    status=0
    as_newcomer "cd ~/beholder && ${commands[$number]}" </dev/null >"$log" 2>&1 || status=$?
    echo
    echo "\$ ${commands[$number]}"
    grep -v '^WARNING: Location' "$log" | tail -n 12
    echo "status $status after $(($(date +%s) - began)) s; all that it printed: $log"
    [ "$status" = 0 ] || worst=1
done
exit "$worst"
