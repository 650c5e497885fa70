#include "transport/builtin.h"

const LunTransportOps *const lun_builtin_transports[] = { &lun_file_ops, &lun_ram_ops,
                                                          &lun_null_ops, &lun_sg_ops,
                                                          &lun_blk_ops,  &lun_iscsi_ops,
                                                          NULL };

const LunLayerOps *const lun_builtin_layers[] = { &lun_stats_layer, &lun_trace_layer,
                                                  &lun_fault_layer, &lun_rate_layer,
                                                  NULL };
