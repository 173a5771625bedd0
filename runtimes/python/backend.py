# SPDX-License-Identifier: BSD-2-Clause
"""Builds the package usdt: the functions of PEP 517 that pip calls.

    pip install ./runtimes/python

needs a C compiler and Python's headers, nothing else. The extension is compiled together with
libusdt's own sources. They come from the tree around this folder, or from the folder libusdt/ that
build_sdist adds to make a source archive complete.
"""
import base64
import hashlib
import os
import re
import shlex
import subprocess
import sysconfig
import tarfile
import tempfile
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
LIBUSDT = ["usdt/" + f for f in ("image.c", "live.h", "proto.c", "provider.c", "region.c")]
LIBUSDT += ["include/usdt/usdt.h", "LICENSE"]
EXTENSION = ["ext/" + f for f in ("kinds.c", "module.c", "probe.c", "provider.c")]
PACKAGE = ["usdt/" + f for f in ("__init__.py", "_usdt.pyi", "py.typed")]
OTHERS = ["README.md", "pyproject.toml", "backend.py", "ext/inner.h", "ext/kinds.def"]
# Tracers walk stacks by frame pointers; a leaf function needs none. Symbols are hidden because the
# process may have loaded another libusdt.
FLAGS = ["-std=gnu11", "-O2", "-fPIC", "-fno-omit-frame-pointer", "-momit-leaf-frame-pointer",
         "-fvisibility=hidden", "-D_GNU_SOURCE"]


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


VERSION = re.search(r'__version__ = "(.+)"', read(os.path.join(HERE, "usdt/__init__.py"))).group(1)
METADATA = """Metadata-Version: 2.1
Name: usdt
Version: %s
Summary: Probes of Python programs for DTrace and other tracers of USDT probes
License: BSD-2-Clause
Requires-Python: >=3.8
Description-Content-Type: text/markdown

%s""" % (VERSION, read(os.path.join(HERE, "README.md")))


def libusdt():
    """The folder that holds libusdt's sources."""
    for top in (os.path.join(HERE, "libusdt"), os.path.join(HERE, "../..")):
        if all(os.path.exists(os.path.join(top, f)) for f in LIBUSDT):
            return top
    raise SystemExit("usdt: libusdt's sources are not here: build in the whole tree, or from a source archive")


def compiled(folder):
    """Compiles the extension into the folder; returns its path."""
    top = libusdt()
    out = os.path.join(folder, "_usdt" + sysconfig.get_config_var("EXT_SUFFIX"))
    headers = sysconfig.get_path("include")
    if not os.path.exists(os.path.join(headers, "Python.h")):
        raise SystemExit("usdt: no %s/Python.h: install Python's headers (Debian: python3-dev)" % headers)
    command = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc") + FLAGS
    command += shlex.split(os.environ.get("CFLAGS", ""))
    command += ["-I" + d for d in (top, os.path.join(top, "include"), headers)]
    command += [os.path.join(HERE, f) for f in EXTENSION]
    command += [os.path.join(top, f) for f in LIBUSDT if f.endswith(".c")]
    command += ["-shared", "-pthread", "-o", out] + shlex.split(os.environ.get("LDFLAGS", ""))
    print(" ".join(command), flush=True)
    if subprocess.call(command):
        raise SystemExit("usdt: the extension does not compile")
    return out


def tag():
    """cp311-cp311-linux_x86_64: made for this interpreter, on this machine."""
    abi = re.match(r"\.cpython-(\d+[a-z]*)", sysconfig.get_config_var("EXT_SUFFIX")).group(1)
    version = "cp" + re.match(r"\d+", abi).group()
    return "-".join((version, "cp" + abi, re.sub(r"[-.]", "_", sysconfig.get_platform())))


def wheel_info():
    return [("METADATA", METADATA),
            ("WHEEL", "Wheel-Version: 1.0\nGenerator: usdt-backend\nRoot-Is-Purelib: false\nTag: %s\n" % tag()),
            ("LICENSE", read(os.path.join(libusdt(), "LICENSE")))]


# ---- What pip calls ----------------------------------------------------------------------

def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    name = "usdt-%s.dist-info" % VERSION
    os.mkdir(os.path.join(metadata_directory, name))
    for file, text in wheel_info():
        with open(os.path.join(metadata_directory, name, file), "w", encoding="utf-8") as f:
            f.write(text)
    return name


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = "usdt-%s-%s.whl" % (VERSION, tag())
    info = "usdt-%s.dist-info/" % VERSION
    with tempfile.TemporaryDirectory() as folder:
        extension = compiled(folder)
        files = [(f, os.path.join(HERE, f)) for f in PACKAGE]
        files.append(("usdt/" + os.path.basename(extension), extension))
        contents = []
        for to, path in files:
            with open(path, "rb") as f:
                contents.append((to, f.read()))
    contents += [(info + f, text.encode()) for f, text in wheel_info()]
    record = ""
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w", zipfile.ZIP_DEFLATED) as z:
        for to, data in contents:
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record += "%s,sha256=%s,%d\n" % (to, digest, len(data))
            z.writestr(to, data)
        z.writestr(info + "RECORD", record + info + "RECORD,,\n")
    return name


def build_sdist(sdist_directory, config_settings=None):
    name = "usdt-%s" % VERSION
    files = [(f, os.path.join(HERE, f)) for f in OTHERS + EXTENSION + PACKAGE]
    files += [("libusdt/" + f, os.path.join(libusdt(), f)) for f in LIBUSDT]
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as info, \
            tarfile.open(os.path.join(sdist_directory, name + ".tar.gz"), "w:gz", format=tarfile.PAX_FORMAT) as t:
        info.write(METADATA)
        info.flush()
        for to, path in files + [("PKG-INFO", info.name)]:
            t.add(path, name + "/" + to)
    return name + ".tar.gz"
