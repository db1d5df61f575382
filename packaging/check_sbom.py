"""Holds the archive's SPDX document against the archive: every file listed with its right sum, every bundled library
from a package with version and licence, every reference defined. Usage: check_sbom.py ARCHIVE"""

import hashlib
import json
import re
import sys
import tarfile

STAND_INS = ("./lib/bundled/libgdal.so.32", "./lib/bundled/libicuuc.so.72")  # packaging/absent_*

sums, licences, document = {}, set(), None
with tarfile.open(sys.argv[1]) as archive:
    for member in archive:
        if not member.isfile():
            continue
        name = member.name.split("/", 1)[1]
        data = archive.extractfile(member).read()
        if name == "sbom.spdx.json":
            document = json.loads(data)
        elif name.startswith("licences/"):
            licences.add(name.split("/")[1])
        else:
            sums["./" + name] = hashlib.sha256(data).hexdigest()

problems = []
listed = {f["fileName"]: {c["algorithm"]: c["checksumValue"] for c in f["checksums"]}["SHA256"] for f in document["files"]}
problems += [f"{name}: not listed, or with another sum" for name in sums if listed.get(name) != sums[name]]
problems += [f"{name}: listed, but not in the archive" for name in listed if name not in sums]

ids = {"SPDXRef-DOCUMENT"} | {e["SPDXID"] for e in document["packages"] + document["files"]}
if len(ids) != 1 + len(document["packages"]) + len(document["files"]):
    problems.append("an SPDXID is used twice")
contained = {}
for r in document["relationships"]:
    for end in (r["spdxElementId"], r["relatedSpdxElement"]):
        if end not in ids:
            problems.append(f"{end}: not defined")
    if r["relationshipType"] == "CONTAINS":
        contained[r["relatedSpdxElement"]] = r["spdxElementId"]
for f in document["files"]:
    owner = contained.get(f["SPDXID"], "nothing")
    if f["fileName"].startswith("./lib/bundled/") and owner == "SPDXRef-Package-san" and f["fileName"] not in STAND_INS:
        problems.append(f"{f['fileName']}: belongs to no Debian package")
known = {i["licenseId"] for i in document["hasExtractedLicensingInfos"]}
for p in document["packages"]:
    if not p["versionInfo"] or p["licenseDeclared"] in ("", "NOASSERTION"):
        problems.append(f"{p['name']}: no version or no licence")
    if p["name"] != "san" and p["name"] not in licences:
        problems.append(f"{p['name']}: no text in licences/")
    problems += [f"{p['name']}: {ref} is not explained"
                 for ref in re.findall(r"LicenseRef-[\w.-]+", p["licenseDeclared"]) if ref not in known]
for problem in problems:
    print(f"FAILED: SBOM: {problem}", file=sys.stderr)
if problems:
    sys.exit(1)
print(f"ok: SBOM: {len(document['packages'])} packages with version and licence, {len(sums)} files with their sums")
