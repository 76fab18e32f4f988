"""Makes tracker_kernel.ptx, which the driver compiles for its device, of tracker_kernel.cu and tracker_state.h.

    python make_ptx.py           writes it
    python make_ptx.py --check   fails where it is not what would be written

Needs the package of VERSION below and no GPU. That version is old so that older drivers read its PTX too.
"""

import argparse
import ctypes
import hashlib
import pathlib
import re
import sys

VERSION = "nvidia-cuda-nvrtc-cu12 12.1.105"
OPTIONS = ["--gpu-architecture=compute_50", "--fmad=false", "--std=c++17"]
FOLDER = pathlib.Path(__file__).parent
SOURCES = ["tracker_kernel.cu", "tracker_state.h"]  # as CMakeLists.txt has them, in this order


def library(given):
    if given:
        return ctypes.CDLL(given)
    for folder in sys.path:
        for found in pathlib.Path(folder).glob("nvidia/cuda_nvrtc/lib/libnvrtc.so.12"):
            return ctypes.CDLL(str(found))
    sys.exit(f"libnvrtc is missing: install {VERSION}, or name the library with --nvrtc")


def compiled(nvrtc):
    """The PTX of the kernel, without what names the compiler's build and what its own headers leave there."""

    def call(name, *arguments):
        status = getattr(nvrtc, name)(*arguments)
        if status != 0:
            nvrtc.nvrtcGetErrorString.restype = ctypes.c_char_p
            sys.exit(f"{name}: {nvrtc.nvrtcGetErrorString(status).decode()}\n{log()}")

    def text(size_of, get):
        size = ctypes.c_size_t()
        call(size_of, program, ctypes.byref(size))
        buffer = ctypes.create_string_buffer(size.value)
        call(get, program, buffer)
        return buffer.value.decode()

    def log():
        return text("nvrtcGetProgramLogSize", "nvrtcGetProgramLog") if program else ""

    program = ctypes.c_void_p()
    kernel, header = ((FOLDER / name).read_bytes() for name in SOURCES)
    headers, names = (ctypes.c_char_p * 1)(header), (ctypes.c_char_p * 1)(SOURCES[1].encode())
    call("nvrtcCreateProgram", ctypes.byref(program), kernel, SOURCES[0].encode(), 1, headers, names)
    options = (ctypes.c_char_p * len(OPTIONS))(*(option.encode() for option in OPTIONS))
    call("nvrtcCompileProgram", program, len(OPTIONS), options)
    ptx = text("nvrtcGetPTXSize", "nvrtcGetPTX")
    return re.sub(r"\.global .*nv6target.*\n", "", ptx[ptx.index(".version") :])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument("--nvrtc", help="libnvrtc.so, instead of the installed package's")
    arguments = parser.parse_args()
    digest = hashlib.sha256(b"".join((FOLDER / name).read_bytes() for name in SOURCES)).hexdigest()
    made = (
        f"// Made by make_ptx.py with {VERSION}, {' '.join(OPTIONS)}\n"
        f"// SHA-256 of {' and '.join(SOURCES)}, one after the other: {digest}\n"
    ) + compiled(library(arguments.nvrtc))
    target = FOLDER / "tracker_kernel.ptx"
    if not arguments.check:
        target.write_text(made)
    elif target.read_text() != made:
        sys.exit(f"{target} is not what {' and '.join(SOURCES)} give: run make_ptx.py")


if __name__ == "__main__":
    main()
