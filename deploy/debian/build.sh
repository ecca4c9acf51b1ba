#!/usr/bin/env bash
# Builds filterd_VERSION_ARCH.deb and filterd-http_VERSION_ARCH.deb into dist/, for the release of
# Debian this runs on: its python3 is the interpreter, and the packages are wheels by the lock files.
#   deploy/debian/build.sh [filterd] [filterd-http]      (both, if none is named)
# VERSION: of the package (default: what version.sh says). DIST: another folder than dist/, where what was
# built before goes, for a pattern is to match one file. COMPRESS: xz,
# zstd or none. SOURCE_DATE_EPOCH: the time of all files (default: that of the last commit); with the same one,
# what is built twice is alike.
set -euo pipefail
cd "$(dirname "$0")/../.."
source deploy/build/packages.sh
umask 022
export LC_ALL=C TZ=UTC PYTHONDONTWRITEBYTECODE=1 PYTHONHASHSEED=0

version=${VERSION:-$(deploy/debian/version.sh)}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)}
export SOURCE_DATE_EPOCH
arch=$(dpkg --print-architecture)
dist=${DIST:-dist}
python=/usr/bin/python3
[ -x "$python" ] || die "no $python: the package is for Debian's own Python; apt-get install python3"
minor=$("$python" -c 'import sys; print(sys.version_info[1])')
[ "$minor" -ge 11 ] || die "$python is 3.$minor; 3.11 (Debian 12) or newer is needed"
interpreter=$(readlink -f "$python") # python3.11: what wheels were chosen for

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$dist"

# environment FOLDER REQUIREMENTS: an environment at its final place below FOLDER, with the locked
# wheels and nothing else: no pip, no scripts of others.
environment() {
    local home=$1 site=$1/lib/python3.$minor/site-packages
    mkdir -p "$home/bin" "$site"
    ln -s "$interpreter" "$home/bin/python"
    ln -s python "$home/bin/python3"
    printf 'home = %s\ninclude-system-site-packages = false\nversion = %s\n' /usr/bin \
        "$("$python" -c 'import platform; print(platform.python_version())')" >"$home/pyvenv.cfg"
    # pyperclip, which mitmproxy pins, has no wheel; it is a few lines of Python.
    local how=(--quiet --no-deps --only-binary :all: --no-binary pyperclip --require-hashes --target "$site" -r "$2")
    # The interpreter that the packages are for chooses the wheels. uv does in seconds what pip does
    # in a minute; what is left below is alike. pip is asked where uv does not reach an index, which
    # it does not read from pip's configuration.
    if ! { [ -x .venv/bin/uv ] && .venv/bin/uv pip install --python "$home/bin/python" --link-mode copy "${how[@]}"; }; then
        .venv/bin/python -m pip --python "$home/bin/python" install "${how[@]}" --no-compile --no-input \
            --disable-pip-version-check --no-warn-script-location --root-user-action ignore
    fi
    rm -rf "$site/bin" "$site/.lock"
    find "$site" -name __pycache__ -prune -exec rm -rf {} +
    # Who installed it, and scripts that are not there, are no part of it.
    find "$site" -path '*.dist-info/*' \( -name INSTALLER -o -name REQUESTED -o -name RECORD -o -name direct_url.json -o -name uv_build.json \) -delete
    # Nor is what some makers of wheels forgot to leave out; and nothing in there is run as a program.
    find "$site" -name .gitignore -delete
    find "$site" -type d -empty -delete
    # Debugging symbols are half of it. What a wheel's own libraries were patched into stays as it is.
    find "$site" -name '*.so' ! -path '*psycopg_binary*' -exec strip --strip-unneeded {} +
    find "$site" -type f -exec chmod 644 {} +
    printf '/usr/lib/filterd/code\n' >"$site/filterd.pth"
}

# compiled ROOT: bytecode for every module, so that a small box need not make it. It is not compared
# with its source (PEP 552): dpkg puts both there, and takes both away.
compiled() {
    "$python" -I -B -m compileall -q -j 1 -o 0 --invalidation-mode unchecked-hash -s "$1" -p / "$1/usr/lib/filterd" ||
        die "a module does not compile"
}

# needed ROOT: the libraries that what is compiled needs, as a Depends field.
needed() {
    local root=$1 aside=$1.shlibs files
    mkdir -p "$aside/debian"
    printf 'Source: filterd\n\nPackage: filterd\nArchitecture: any\n' >"$aside/debian/control"
    mapfile -t files < <(find "$root" -name '*.so*' -type f)
    # Wheels bring libraries along that no Debian package has.
    (cd "$aside" && dpkg-shlibdeps -O --ignore-missing-info --warnings=0 "${files[@]/#/-e}" \
        $(find "$root" -name '*.libs' -type d -printf '-l%p ')) 2>/dev/null |
        sed -n 's/^shlibs:Depends=//p'
}

documents() { # documents ROOT NAME
    local doc=$1/usr/share/doc/$2
    mkdir -p "$doc"
    cp deploy/debian/copyright "$doc/copyright"
    mkdir -p "$1/usr/share/lintian/overrides"
    cp "deploy/debian/$2.lintian-overrides" "$1/usr/share/lintian/overrides/$2"
    {
        printf '%s (%s) unstable; urgency=medium\n\n  * CHANGELOG.md has what is new.\n\n' "$2" "$version"
        printf ' -- %s  %s\n' "$maintainer" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")"
    } | gzip -9n >"$doc/changelog.gz"
}

finish() { # finish ROOT NAME: rights, times, sums, and the file
    local root=$1 name=$2 file each
    file=$dist/${name}_${version}_$arch.deb
    # Until here it led to this machine's interpreter.
    for each in "$root"/usr/lib/filterd/venv*/bin/python; do ln -sfn "../../../../bin/${interpreter##*/}" "$each"; done
    find "$root" -type d -exec chmod 755 {} +
    find "$root" -path "$root/DEBIAN" -prune -o -type f ! -perm -u+x -exec chmod 644 {} +
    printf 'Installed-Size: %s\n' "$(du -sk --apparent-size --exclude=DEBIAN "$root" | cut -f1)" >>"$root/DEBIAN/control"
    (cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
    chmod 644 "$root/DEBIAN/control" "$root/DEBIAN/md5sums"
    find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    dpkg-deb --root-owner-group -Z"${COMPRESS:-xz}" --build "$root" "$file" >/dev/null
    if [ -z "${DIST:-}" ]; then
        find "$dist" -maxdepth 1 -name "${name}_*_$arch.deb" ! -path "$file" -delete
    fi
    echo "$file: $(stat -c %s "$file") octets"
}

maintainer=${DEBFULLNAME:-filterd maintainers}" <"${DEBEMAIL:-filterd@school.example}">"
fields() { # fields NAME: what both have
    printf 'Package: %s\nSource: filterd\nVersion: %s\nArchitecture: %s\nMaintainer: %s\n' "$1" "$version" "$arch" "$maintainer"
    printf 'Section: net\nPriority: optional\n'
}

build_filterd() {
    local root=$work/filterd
    mkdir -p "$root"/{DEBIAN,usr/bin,usr/lib/filterd/code,usr/lib/systemd/system,usr/lib/sysusers.d,usr/lib/tmpfiles.d,usr/lib/filterd/sysctl.d,usr/share/filterd/rules,usr/share/bash-completion/completions,usr/share/zsh/vendor-completions,usr/share/fish/vendor_completions.d,usr/share/man/man1}
    ls filterd/_core*.so >/dev/null 2>&1 || die "the core is not built; make build/.built"
    environment "$root/usr/lib/filterd/venv" requirements/hub.txt
    find filterd \( -name '*.py' -o -name '*.pyi' -o -name py.typed -o -name '_core*.so' -o -path 'filterd/*' -type f ! -name '*.py[co]' \) -print0 |
        sort -zu | xargs -0 cp --parents -t "$root/usr/lib/filterd/code"
    find "$root/usr/lib/filterd/code" -name '*.so' -exec strip --strip-unneeded {} + -exec chmod 644 {} +
    printf '#!/usr/lib/filterd/venv/bin/python\nimport sys\n\nfrom filterd.cli.main import main\n\nsys.exit(main())\n' >"$root/usr/lib/filterd/venv/bin/filterd"
    chmod 755 "$root/usr/lib/filterd/venv/bin/filterd"
    ln -s ../lib/filterd/venv/bin/filterd "$root/usr/bin/filterd"
    cp rules/*.yaml "$root/usr/share/filterd/rules/"

    cp systemd/*.service systemd/*.socket "$root/usr/lib/systemd/system/"
    if compgen -G 'systemd/*.timer' >/dev/null; then cp systemd/*.timer "$root/usr/lib/systemd/system/"; fi
    rm -f "$root"/usr/lib/systemd/system/filterd-http@.service # of filterd-http
    cp systemd/sysusers.d/filterd.conf "$root/usr/lib/sysusers.d/"
    cp systemd/tmpfiles.d/filterd.conf "$root/usr/lib/tmpfiles.d/"
    cp systemd/sysctl.d/*.conf "$root/usr/lib/filterd/sysctl.d/"
    ! grep -rn '/opt/' "$root/usr/lib/systemd/system" || die "a unit is for a checkout, not for the package"

    compiled "$root"
    documents "$root" filterd
    # The documents lie as in a checkout, so that what they link to is there; `deploy` is the examples.
    local doc=$root/usr/share/doc/filterd
    cp README.md CHANGELOG.md CONTRIBUTING.md ARCHITECTURE.md SECURITY.md config.example.yaml "$doc/"
    ln -s ../../common-licenses/Apache-2.0 "$doc/LICENSE"
    mkdir -p "$doc/examples/grafana"
    cp --parents bench/README.md bench/results/*.svg rules/README.md "$doc/"
    cp -r docs systemd "$doc/"
    cp -r deploy/{anycast,ansible,backup,dnsdist,prometheus,unbound} "$doc/examples/"
    cp -r deploy/grafana/{dashboards,provisioning} "$doc/examples/grafana/"
    ln -s examples "$doc/deploy"
    install -m 755 deploy/anycast/filterd-anycast "$root/usr/lib/filterd/filterd-anycast"
    # The command line speaks for itself: with the package's own code and interpreter.
    local own=("$root/usr/lib/filterd/venv/bin/python" -I -B -c "import sys; sys.path[:0] = ['$root/usr/lib/filterd/code']; from filterd.cli.main import main; sys.exit(main())")
    "${own[@]}" completion >"$root/usr/share/bash-completion/completions/filterd"
    "${own[@]}" completion zsh >"$root/usr/share/zsh/vendor-completions/_filterd"
    "${own[@]}" completion fish >"$root/usr/share/fish/vendor_completions.d/filterd.fish"
    "$root/usr/lib/filterd/venv/bin/python" -I -B deploy/debian/manual.py "$root/usr/lib/filterd/code" "$version" |
        gzip -9n >"$root/usr/share/man/man1/filterd.1.gz"

    {
        fields filterd
        printf 'Depends: %s, python3 (>= 3.%s~), python3 (<< 3.%s~), systemd | systemd-standalone-sysusers, iproute2, nftables, ca-certificates\n' \
            "$(needed "$root")" "$minor" "$((minor + 1))"
        printf 'Recommends: unbound\nSuggests: filterd-http (= %s), dnsmasq\n' "$version"
        cat deploy/debian/filterd.description
    } >"$root/DEBIAN/control"
    for each in postinst prerm postrm; do
        install -m 755 "deploy/debian/filterd.$each" "$root/DEBIAN/$each"
    done
    finish "$root" filterd
}

build_filterd_http() {
    local root=$work/filterd-http requirements=requirements/http.txt
    [ "$minor" -eq 11 ] || requirements=requirements/http-py312.txt
    mkdir -p "$root"/{DEBIAN,usr/lib/systemd/system}
    environment "$root/usr/lib/filterd/venv-http" "$requirements"
    cp systemd/filterd-http@.service "$root/usr/lib/systemd/system/"
    documents "$root" filterd-http
    compiled "$root"
    {
        fields filterd-http
        printf 'Depends: filterd (= %s), %s, python3 (>= 3.%s~), python3 (<< 3.%s~)\n' "$version" "$(needed "$root")" "$minor" "$((minor + 1))"
        cat deploy/debian/filterd-http.description
    } >"$root/DEBIAN/control"
    for each in postinst prerm postrm; do
        install -m 755 "deploy/debian/filterd-http.$each" "$root/DEBIAN/$each"
    done
    finish "$root" filterd-http
}

[ $# -gt 0 ] || set -- filterd filterd-http
builds=()
for each in "$@"; do
    case $each in
        filterd) build_filterd & ;;
        filterd-http) build_filterd_http & ;;
        *) die "no package is called $each; there are filterd and filterd-http" ;;
    esac
    builds+=($!)
done
failed=0
for each in "${builds[@]}"; do wait "$each" || failed=1; done
exit "$failed"
