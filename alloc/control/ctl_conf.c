/*
 * ctl_conf.c -- names whose values are known when the process boots.
 */
#include "ctl_row.h"

int
ctl_constant(const struct ctl_call *c, union ctl_value *v)
{
	v->u64 = c->row->arg;
	return 0;
}

int
ctl_words(const struct ctl_call *c, union ctl_value *v)
{
	v->words = (const char *)c->row->arg;
	return 0;
}
