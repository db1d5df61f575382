"""Writes sbom.spdx.json (SPDX 2.3) and licences/ into the tree of the archive.

Every bundled library is traced to the Debian package that owns it, with its version and the licences that the package's
copyright file names. A name that SPDX does not know becomes a LicenseRef; the text is the copyright file itself.
"""

import argparse
import datetime
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

# What is compiled into the programs from packages of which no library is bundled, and data in them.
COMPILED_IN = ["nlohmann-json3-dev", "libcli11-dev", "fonts-dejavu-core"]

# Debian's short names, where SPDX has another.
SPDX = {
    "apache-2.0": "Apache-2.0", "apache-2": "Apache-2.0", "asl-2.0": "Apache-2.0",
    "bsd-2-clause": "BSD-2-Clause", "bsd-2": "BSD-2-Clause", "bsd-3-clause": "BSD-3-Clause", "bsd-3": "BSD-3-Clause",
    "bsd": "BSD-3-Clause", "boost-1.0": "BSL-1.0", "bsl-1.0": "BSL-1.0", "cc0-1.0": "CC0-1.0", "cc0": "CC0-1.0",
    "expat": "MIT", "mit": "MIT", "x11": "X11", "isc": "ISC", "zlib": "Zlib", "libpng": "Libpng", "ofl-1.1": "OFL-1.1",
    "gpl-1+": "GPL-1.0-or-later", "gpl-2": "GPL-2.0-only", "gpl-2+": "GPL-2.0-or-later", "gpl-2.0+": "GPL-2.0-or-later",
    "gpl-3": "GPL-3.0-only", "gpl-3+": "GPL-3.0-or-later", "gpl-3.0+": "GPL-3.0-or-later",
    "lgpl-2": "LGPL-2.0-only", "lgpl-2+": "LGPL-2.0-or-later", "lgpl-2.0+": "LGPL-2.0-or-later",
    "lgpl-2.1": "LGPL-2.1-only", "lgpl-2.1+": "LGPL-2.1-or-later", "lgpl-3": "LGPL-3.0-only",
    "lgpl-3+": "LGPL-3.0-or-later", "mpl-1.1": "MPL-1.1", "mpl-2.0": "MPL-2.0", "unicode": "Unicode-DFS-2016",
    "ftl": "FTL", "ijg": "IJG", "libtiff": "libtiff", "psf-2": "PSF-2.0", "curl": "curl", "openssl": "OpenSSL",
    "artistic": "Artistic-1.0", "artistic-2.0": "Artistic-2.0", "0bsd": "0BSD", "bzip2-1.0.6": "bzip2-1.0.6",
    "gpl": "GPL-1.0-or-later", "lgpl": "LGPL-2.0-or-later", "icu": "ICU", "unlicense": "Unlicense", "ntp": "NTP", "tcl": "TCL",
    "fsfap": "FSFAP", "fsful": "FSFUL", "fsfullr": "FSFULLR", "bitstream-vera": "Bitstream-Vera", "hylafax": "libtiff",
    "beerware": "Beerware", "cc-by-3.0": "CC-BY-3.0", "cc-by-sa-3.0": "CC-BY-SA-3.0", "afl-2.0": "AFL-2.0",
    "bsd-1-clause": "BSD-1-Clause", "bsd-4-clause": "BSD-4-Clause",
}
COMMON = {  # /usr/share/common-licenses, which older copyright files refer to
    "Apache-2.0": "Apache-2.0", "Artistic": "Artistic-1.0", "BSD": "BSD-3-Clause", "GPL": "GPL-1.0-or-later",
    "GPL-1": "GPL-1.0-or-later", "GPL-2": "GPL-2.0-or-later", "GPL-3": "GPL-3.0-or-later", "LGPL": "LGPL-2.0-or-later",
    "LGPL-2": "LGPL-2.0-or-later", "LGPL-2.1": "LGPL-2.1-or-later", "LGPL-3": "LGPL-3.0-or-later", "MPL-1.1": "MPL-1.1",
    "MPL-2.0": "MPL-2.0", "CC0-1.0": "CC0-1.0",
}


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def owners_of(libraries):
    """The binary package of each file. /lib is a link to /usr/lib, and dpkg may know a file by either name."""
    names = {}
    for library in libraries:
        path = str(pathlib.Path(library).resolve())
        for candidate in (library, path, path.removeprefix("/usr")):
            names[candidate] = library
    found = subprocess.run(["dpkg-query", "--search", *names], capture_output=True, text=True, check=False).stdout
    owners = {}
    for line in found.splitlines():
        package, path = line.split(": ", 1)
        owners[names[path]] = package.split(":")[0]
    for library in libraries:
        if library not in owners:
            sys.exit(f"error: {library}: no Debian package has it; only Debian's libraries are bundled")
    return owners


def licence_names(text):
    """The short names in a copyright file, or the common licences that a free-form one refers to."""
    names = []
    for line in re.findall(r"^License:[ \t]*(\S.*)$", text, re.MULTILINE):
        for name in re.split(r",?\s+(?:and|or)\s+|,\s*|\s*/\s*|\s+with\s+.*$", line.strip()):
            name = name.strip(" ()")
            if name and name.lower() not in ("and", "or", "with", "none"):
                names.append(name)
    if not names:
        names = sorted({COMMON[name] for name in re.findall(r"common-licenses/([\w.-]*\w)", text) if name in COMMON})
    if not names and re.search(r"Permission is hereby granted, free of charge", text):
        names = ["MIT"]
    if not names and re.search(r"Permission\s+to\s+use,\s+copy,\s+modify,", text):
        names = ["HPND-sell-variant"]
    return list(dict.fromkeys(names))


def expression(names, references, package):
    ids = []
    for name in names:
        known = SPDX.get(name.lower(), name if name in SPDX.values() or name == "HPND-sell-variant" else None)
        if known is None:
            known = "LicenseRef-" + re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-")
            references.setdefault(known, (name, set()))[1].add(package)
        ids.append(known)
    ids = list(dict.fromkeys(ids))
    return " AND ".join(ids) if ids else "NOASSERTION"


def digest(path, kind):
    return hashlib.new(kind, path.read_bytes()).hexdigest()


def package_entry(package, tree, references):
    version, source, source_version = run(
        "dpkg-query", "--show", "-f", "${Version}\t${source:Package}\t${source:Version}", package).split("\t")
    copyright_file = pathlib.Path("/usr/share/doc") / package / "copyright"
    text = copyright_file.read_text(encoding="utf-8", errors="replace") if copyright_file.exists() else ""
    if not text:
        sys.exit(f"error: {copyright_file}: missing; the archive must carry the licence of every library")
    folder = tree / "licences" / package
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(copyright_file.resolve(), folder / "copyright")
    return {
        "SPDXID": "SPDXRef-Package-" + re.sub(r"[^A-Za-z0-9.-]", "-", package),
        "name": package,
        "versionInfo": version,
        "supplier": "Organization: Debian",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "sourceInfo": f"built from the Debian source package {source} {source_version}",
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": expression(licence_names(text), references, package),
        "licenseComments": f"as named in licences/{package}/copyright, which covers the whole source package",
        "copyrightText": "NOASSERTION",
        "externalRefs": [{
            "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
            "referenceLocator": f"pkg:deb/debian/{package}@{version}",
        }],
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--version", required=True)
    parser.add_argument("--commit", required=True)
    parser.add_argument("--tree", type=pathlib.Path, required=True)
    parser.add_argument("--libraries", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    tree, references = arguments.tree, {}
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])

    owners = owners_of(arguments.libraries.read_text().split())
    packages = {name: package_entry(name, tree, references)
                for name in sorted(set(owners.values()) | set(COMPILED_IN))}
    by_file = {("san-loader" if "/ld-linux" in library else os.path.basename(library)): packages[owner]["SPDXID"]
               for library, owner in owners.items()}

    product = {
        "SPDXID": "SPDXRef-Package-san", "name": "san", "versionInfo": arguments.version,
        "supplier": "NOASSERTION", "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
        "sourceInfo": f"commit {arguments.commit}", "licenseConcluded": "NOASSERTION", "licenseDeclared": "Apache-2.0",
        "copyrightText": "NOASSERTION", "primaryPackagePurpose": "APPLICATION",
    }
    relationships = [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
                      "relatedSpdxElement": product["SPDXID"]}]
    for name, package in packages.items():
        relationships.append({
            "spdxElementId": product["SPDXID"],
            "relationshipType": "STATIC_LINK" if name in COMPILED_IN else "DYNAMIC_LINK",
            "relatedSpdxElement": package["SPDXID"]})
    files = []
    for number, path in enumerate(sorted(p for p in tree.rglob("*") if p.is_file() and not p.is_symlink())):
        relative = path.relative_to(tree).as_posix()
        if relative.startswith("licences/"):
            continue
        entry = {
            "SPDXID": f"SPDXRef-File-{number}", "fileName": "./" + relative,
            "checksums": [{"algorithm": "SHA1", "checksumValue": digest(path, "sha1")},
                          {"algorithm": "SHA256", "checksumValue": digest(path, "sha256")}],
            "licenseConcluded": "NOASSERTION", "licenseInfoInFiles": ["NOASSERTION"], "copyrightText": "NOASSERTION",
        }
        files.append(entry)
        bundled = relative.startswith("lib/bundled/") or relative == "bin/san-loader"
        relationships.append({
            "spdxElementId": by_file.get(path.name, product["SPDXID"]) if bundled else product["SPDXID"],
            "relationshipType": "CONTAINS", "relatedSpdxElement": entry["SPDXID"]})

    document = {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"san-{arguments.version}",
        "documentNamespace": f"https://san.invalid/spdx/san-{arguments.version}-{arguments.commit}",
        "creationInfo": {
            "created": datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": ["Tool: san-packaging"]},
        "packages": [product, *packages.values()], "files": files, "relationships": relationships,
        "hasExtractedLicensingInfos": [
            {"licenseId": reference, "name": name,
             "extractedText": "Its text is in " + ", ".join(f"licences/{p}/copyright" for p in sorted(users))}
            for reference, (name, users) in sorted(references.items())],
    }
    (tree / "sbom.spdx.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
