/*
 * screen.h -- trimalloc top on a terminal.
 *
 * Above   top.c
 */
#ifndef TOOL_SCREEN_H
#define TOOL_SCREEN_H

#include "frame.h"

/* Shows the view until the user ends it; an exit code. */
int screen_run(struct view *v, double delay);

#endif
