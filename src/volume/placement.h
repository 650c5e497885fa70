/* placement.h - which segment belongs to which place of which pointer table (A16).
 *
 * Segments are numbered from 1 over all devices, device after device.  The order is a function
 * of the Master Control Block and the devices' shares alone, so that format writes it into the
 * entries and every host computes the same map.
 *
 *   random    a permutation drawn from the seed
 *   striped   consecutive places of a table on consecutive devices
 *   chunked   all places of a connection side by side on one device where they fit
 *
 * Pure; any thread.
 */
#pragma once

#include "volume/disk.h"

#include <glib.h>
#include <stdbool.h>

/* SHARES[i] = segments on device i; their sum is the length of the result.  Place k of the
 * result holds a segment number; see fts_placement_index(). */
uint64_t *fts_placement_order (FtsPlacement placement, uint64_t seed,
                               const uint64_t *shares, unsigned n_devices);

/* Place in the order of entry INDEX (0-based) of the table of SLOT (1-based). */
static inline uint64_t
fts_placement_index (uint32_t slot, FtsDirection direction, uint32_t index,
                     uint32_t maxptr)
{
  return ((uint64_t) (slot - 1) * 2 + direction) * maxptr + index;
}

/* Spreads TOTAL segments over devices with room for ROOM[i]: as evenly as the rooms allow.
 * False when they do not fit. */
bool fts_placement_share (uint64_t total, const uint64_t *room, unsigned n_devices,
                          uint64_t *shares);
