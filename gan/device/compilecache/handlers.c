//go:build linux

#include "handlers.h"
#include "convolution.h"
#include "product.h"

#include <stddef.h>

#if defined(__x86_64__)

// Each handler is asked once which version of the interface it is for.
static int asked(ffi_call* call) {
  if (!call->extensions || call->extensions->type != FFI_METADATA) return 0;
  ffi_metadata* of = (ffi_metadata*)call->extensions;
  of->metadata->version.major = 0;
  of->metadata->version.minor = 1;
  of->metadata->traits = 0;
  return 1;
}

#define ANSWERING(name, of) \
  static void* name(ffi_call* call) { return asked(call) ? NULL : of(call); }

ANSWERING(on00, product00)
ANSWERING(on01, product01)
ANSWERING(on10, product10)
ANSWERING(on11, product11)
ANSWERING(small00, small_product00)
ANSWERING(small01, small_product01)
ANSWERING(small10, small_product10)
ANSWERING(small11, small_product11)
ANSWERING(on_convolution, convolution_call)
ANSWERING(on_correlation, correlation_call)

const handler handlers[] = {
    {"gantry.product.1.00", on00}, {"gantry.product.1.01", on01}, {"gantry.product.1.10", on10}, {"gantry.product.1.11", on11},
    {"gantry.sum.1.00", on00}, {"gantry.sum.1.01", on01}, {"gantry.sum.1.10", on10}, {"gantry.sum.1.11", on11},
    {"gantry.smallproduct.1.00", small00}, {"gantry.smallproduct.1.01", small01}, {"gantry.smallproduct.1.10", small10}, {"gantry.smallproduct.1.11", small11},
    {"gantry.smallsum.1.00", small00}, {"gantry.smallsum.1.01", small01}, {"gantry.smallsum.1.10", small10}, {"gantry.smallsum.1.11", small11},
    {"gantry.convolution.1", on_convolution}, {"gantry.correlation.1", on_correlation}, {NULL, NULL},
};

#else

const handler handlers[] = {{NULL, NULL}};

#endif
