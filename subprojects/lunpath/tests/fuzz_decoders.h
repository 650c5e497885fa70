/* fuzz_decoders.h - every decoder of SCSI bytes is given the same input. */
#pragma once

#include "base/alua.h"
#include "base/pr.h"
#include "base/vpd.h"

static inline void
fuzz_decoders (const uint8_t *data, size_t len)
{
  LunPrKeys keys;
  LunPrReservation reservation;
  LunPrCapabilities capabilities;
  LunPrFullStatus full;
  LunPrMove move;
  LunPrOut out;
  LunCapacity capacity;
  LunBlockLimits limits;
  LunCdbRange range;
  uint16_t group;
  LunAlua alua;
  size_t used;

  if (lun_pr_keys_decode (data, len, &keys))
    g_free (keys.keys);
  lun_pr_reservation_decode (data, len, &reservation);
  lun_pr_capabilities_decode (data, len, &capabilities);
  if (lun_pr_full_status_decode (data, len, &full))
    lun_pr_full_status_clear (&full);
  if (lun_pr_move_decode (data, len, &move))
    g_free (move.port);
  lun_pr_out_decode (data, len, &out);
  lun_capacity_decode (data, len, &capacity);
  lun_vpd_block_limits_decode (data, len, &limits);
  lun_cdb_range (data, len, &range);
  lun_alua_group_decode (data, len, &group);
  lun_port_groups_decode (data, len, 1, &alua);
  g_free (lun_transport_id_decode (data, len, &used));
  g_free (lun_vpd_device_id_decode (data, len));
}
