/*
 * conf.h -- jemalloc's options: MALLOC_CONF and the variable malloc_conf.
 *
 * Above   api/boot.c, once
 * Lock    none: one thread, at boot
 * Always  a key of jemalloc's is taken or accepted, a wrong one left out; no
 *         pair changes what another one says
 */
#ifndef TRI_CONTROL_CONF_H
#define TRI_CONTROL_CONF_H

#include "../base/base.h"

/*
 * Takes "key:value,key:value", which `source` names in what is complained
 * about: a line for each key that is nobody's and each value that is none, and
 * one line for all keys that have no meaning here.
 */
void conf_parse(const char *source, const char *conf);

#endif
