/* transport/builtin.h - the transports and layers that come with the library. */
#pragma once

#include <lunpath/transport.h>

extern const LunTransportOps lun_blk_ops;
extern const LunTransportOps lun_file_ops;
extern const LunTransportOps lun_iscsi_ops;
extern const LunTransportOps lun_null_ops;
extern const LunTransportOps lun_ram_ops;
extern const LunTransportOps lun_sg_ops;

extern const LunLayerOps lun_fault_layer;
extern const LunLayerOps lun_rate_layer;
extern const LunLayerOps lun_stats_layer;
extern const LunLayerOps lun_trace_layer;

extern const LunTransportOps *const lun_builtin_transports[]; /* NULL-terminated */
extern const LunLayerOps *const lun_builtin_layers[];         /* NULL-terminated */
