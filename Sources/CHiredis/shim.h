/* hiredis, and what of it Swift cannot use: text in a structure, and inline functions of its strings. */
#include <hiredis/hiredis.h>

/* What went wrong; empty where nothing did. Lives as long as the context. */
static inline const char *ch_error(const redisContext *context) { return context->errstr; }

/* How many bytes have been appended and not yet been written. */
static inline size_t ch_unwritten(const redisContext *context) { return sdslen(context->obuf); }
