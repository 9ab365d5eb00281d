"""The system's OpenSSL by ctypes: the only library for SM2 that is everywhere and kept patched.

The functions are called without the interpreter's lock, so threads sign side by side. What is secret, and must not show
in how long it takes, is OpenSSL's business; nothing here computes with a key.
"""

import ctypes
import ctypes.util
from ctypes import POINTER, c_char_p, c_int, c_long, c_size_t, c_ulong, c_void_p
from functools import cache
from typing import Any

_OLDEST = 0x30000000
# Before the linker's list is asked, which takes a process of its own and is not there in every container.
_USUAL_NAMES = ("libcrypto.so.3", "libcrypto.so.4", "libcrypto.3.dylib", "libcrypto-3-x64.dll")

_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "OpenSSL_version": (c_char_p, (c_int,)),
    "OpenSSL_version_num": (c_ulong, ()),
    "OPENSSL_cleanse": (None, (c_void_p, c_size_t)),
    "ERR_get_error": (c_ulong, ()),
    "ERR_error_string_n": (None, (c_ulong, c_char_p, c_size_t)),
    "ERR_clear_error": (None, ()),
    "EVP_sm3": (c_void_p, ()),
    "EVP_PKEY_Q_keygen": (c_void_p, (c_void_p, c_void_p, c_char_p)),
    "EVP_PKEY_free": (None, (c_void_p,)),
    "EVP_PKEY_CTX_new": (c_void_p, (c_void_p, c_void_p)),
    "EVP_PKEY_CTX_free": (None, (c_void_p,)),
    "EVP_PKEY_CTX_set1_id": (c_int, (c_void_p, c_char_p, c_int)),
    "EVP_PKEY_pairwise_check": (c_int, (c_void_p,)),
    "EVP_MD_CTX_new": (c_void_p, ()),
    "EVP_MD_CTX_free": (None, (c_void_p,)),
    "EVP_MD_CTX_set_pkey_ctx": (None, (c_void_p, c_void_p)),
    "EVP_DigestSignInit": (c_int, (c_void_p, c_void_p, c_void_p, c_void_p, c_void_p)),
    "EVP_DigestSign": (c_int, (c_void_p, c_char_p, POINTER(c_size_t), c_char_p, c_size_t)),
    "EVP_DigestVerifyInit": (c_int, (c_void_p, c_void_p, c_void_p, c_void_p, c_void_p)),
    "EVP_DigestVerify": (c_int, (c_void_p, c_char_p, c_size_t, c_char_p, c_size_t)),
    "d2i_PUBKEY": (c_void_p, (c_void_p, POINTER(c_void_p), c_long)),
    "i2d_PUBKEY": (c_int, (c_void_p, POINTER(c_void_p))),
    "d2i_AutoPrivateKey": (c_void_p, (c_void_p, POINTER(c_void_p), c_long)),
    "EVP_PKEY2PKCS8": (c_void_p, (c_void_p,)),
    "PKCS8_PRIV_KEY_INFO_free": (None, (c_void_p,)),
    "i2d_PKCS8_PRIV_KEY_INFO": (c_int, (c_void_p, POINTER(c_void_p))),
}


class NationalAlgorithmsMissingError(Exception):
    """The system's OpenSSL has no SM2; the message says what to install."""


class LibcryptoError(Exception):
    """OpenSSL refused; the message names the step and OpenSSL's reason, and never holds a key."""


@cache
def libcrypto() -> ctypes.CDLL:
    """The library, its functions declared. Raises NationalAlgorithmsMissingError when it has no SM2."""
    library = _load()
    version = _version(library)
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, name, None)
        if function is None:
            raise _missing(version)
        function.restype, function.argtypes = result, arguments
    probe = library.EVP_PKEY_Q_keygen(None, None, b"SM2")
    library.ERR_clear_error()
    if not probe or not library.EVP_sm3():
        raise _missing(version)
    library.EVP_PKEY_free(probe)
    return library


def version() -> str:
    """What the library says of itself, such as "OpenSSL 3.0.19 27 Jan 2026"."""
    return _version(libcrypto())


def failure(step: str) -> LibcryptoError:
    """The error to raise after a call failed; takes OpenSSL's reason from this thread's queue and empties it."""
    library = libcrypto()
    code = library.ERR_get_error()
    library.ERR_clear_error()
    reason = ctypes.create_string_buffer(256)
    library.ERR_error_string_n(code, reason, len(reason))
    return LibcryptoError(f"{step}: {reason.value.decode('ascii', 'replace') if code else 'no reason given'}")


def encoded(encode: Any, handle: int, step: str) -> bytes:
    """What an `i2d_` function writes. The buffer is wiped afterwards: it may have held a private key."""
    size = encode(handle, None)
    if size <= 0:
        raise failure(step)
    buffer = ctypes.create_string_buffer(size)
    try:
        if encode(handle, ctypes.byref(ctypes.c_void_p(ctypes.addressof(buffer)))) != size:
            raise failure(step)
        return buffer.raw
    finally:
        libcrypto().OPENSSL_cleanse(buffer, size)


def decoded(decode: Any, der: bytes) -> int | None:
    """What a `d2i_` function reads; None when it cannot, or when something follows."""
    library = libcrypto()
    buffer = ctypes.create_string_buffer(der, len(der))
    try:
        start = ctypes.addressof(buffer)
        cursor = ctypes.c_void_p(start)
        handle: int | None = decode(None, ctypes.byref(cursor), len(der))
        library.ERR_clear_error()
        if handle and cursor.value != start + len(der):
            library.EVP_PKEY_free(handle)
            return None
        return handle
    finally:
        library.OPENSSL_cleanse(buffer, len(der))


def _load() -> ctypes.CDLL:
    for name in _USUAL_NAMES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    listed = ctypes.util.find_library("crypto")
    if listed is None:
        raise _missing("no OpenSSL")
    return ctypes.CDLL(listed)


def _version(library: ctypes.CDLL) -> str:
    try:
        library.OpenSSL_version.restype = c_char_p
        said: bytes = library.OpenSSL_version(0)
        number = library.OpenSSL_version_num
    except AttributeError as fault:
        raise _missing("a libcrypto older than OpenSSL 1.1") from fault
    number.restype = c_ulong
    if number() < _OLDEST:
        raise _missing(said.decode("ascii", "replace"))
    return said.decode("ascii", "replace")


def _missing(found: str) -> NationalAlgorithmsMissingError:
    return NationalAlgorithmsMissingError(
        f"the national algorithms need the system's libcrypto of OpenSSL 3.0 or newer, built with SM2 and SM3; here is "
        f"{found}. Debian's and Ubuntu's package libssl3 has them; some vendors leave them out"
    )
