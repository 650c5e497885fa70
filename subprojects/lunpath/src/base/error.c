#include <lunpath/error.h>

G_DEFINE_QUARK (lun_error_quark, lun_error)
