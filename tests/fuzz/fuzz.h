/* fuzz.h - what a fuzz target defines.
 *
 * A target is one file with two functions.  With -Dfuzz=true (clang) libFuzzer feeds it; without,
 * driver.c does: every seed, its truncations, bit flips and some thousand mutations of it,
 * always the same ones, so that `meson test` runs them.
 *
 * A decoder of fixed-size records is fed any length: the target itself rejects what its caller
 * would never hand in.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Must not crash, hang or leak whatever BYTES hold; returns 0. */
int LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t len);

/* Valid input number N (from 0) into BUF of ROOM bytes; its length, 0 = there is none. */
size_t fuzz_seed (unsigned n, uint8_t *buf, size_t room);
