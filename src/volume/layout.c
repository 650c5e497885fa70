#include "volume/layout.h"

#include "volume/segtab.h"

uint64_t
fts_layout_segments_needed (const FtsMcb *mcb)
{
  return (uint64_t) mcb->blk5_max_connections * 2 * mcb->blk5_maxptr;
}

void
fts_layout_regions (const FtsMcb *m, FtsRegion out[FTS_N_REGIONS])
{
  uint64_t tables = (uint64_t) m->blk5_max_connections *
                    fts_segtab_blocks (m->blk5_maxptr, m->block_size);

  out[FTS_REGION_ZERO] = (FtsRegion){ "zero block", FTS_ZERO_BLOCK, 1 };
  out[FTS_REGION_MCB] = (FtsRegion){ "Master Control Block", FTS_MCB_BLOCK, 1 };
  out[FTS_REGION_LOCK] = (FtsRegion){ "volume lock", m->lock_ptr, 1 };
  out[FTS_REGION_HOSTS] = (FtsRegion){ "host table", m->host_table_ptr, m->max_hosts };
  out[FTS_REGION_PIDS] = (FtsRegion){ "Process Id Table", m->blk5_process_id_table_ptr,
                                      m->blk5_max_connections };
  out[FTS_REGION_DEVICES] =
    (FtsRegion){ "Secondary Device Table", m->blk5_secondary_device_table_ptr,
                 m->blk5_secondary_device_entrynum };
  out[FTS_REGION_SOCKETS] =
    (FtsRegion){ "socket table", m->socket_table_ptr, m->socket_entries };
  out[FTS_REGION_PORTS] =
    (FtsRegion){ "port file", m->port_file_ptr, m->port_file_blocks };
  out[FTS_REGION_INITIATOR] =
    (FtsRegion){ "initiator-to-connector tables", m->initiator_tables_ptr, tables };
  out[FTS_REGION_CONNECTOR] =
    (FtsRegion){ "connector-to-initiator tables", m->connector_tables_ptr, tables };
  out[FTS_REGION_SEGMENTS] =
    (FtsRegion){ "data segments", m->blk5_mast_sec_start_segment_ptr,
                 m->device_segments * m->blk5_seg_size };
  out[FTS_REGION_MCB_COPY] =
    (FtsRegion){ "copy of the Master Control Block", m->device_blocks - 1, 1 };
}
