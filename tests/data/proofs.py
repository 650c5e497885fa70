#!/usr/bin/env python3
"""Prints the golden proofs of tests/unit/channel/proof.c (connect.h says what a proof covers)."""
import hashlib
import hmac
import struct


def proof(who, key):
    connector_nonce = bytes([0x20, 0x21]) if who == b"connector" else b""
    text = struct.pack(
        "<16s16sIIQ32s32sQQ16s16s16s", who, bytes(range(1, 17)), 3, 0, 7, b"north", b"south",
        0x1122334455667788, 0x99AABBCCDDEEFF00, bytes([0x10, 0x11]), bytes([0xAA, 0xBB]),
        connector_nonce)
    return hmac.new(key, text, hashlib.sha256).hexdigest()


print(proof(b"initiator", b"s3cret"))
print(proof(b"connector", b"s3cret"))
print(proof(b"initiator", b""))
