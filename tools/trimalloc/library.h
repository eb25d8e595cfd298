/*
 * library.h -- where libtrimalloc.so is, and whether a program can have it.
 *
 * Above   run.c, options.c
 */
#ifndef TOOL_LIBRARY_H
#define TOOL_LIBRARY_H

/*
 * The library's absolute path, of malloc: `given`, if not NULL, or the one
 * beside this command, in the build tree, or where it was to be installed.
 * NULL, and the error is said, if there is none that can be loaded.
 */
char *library_find(const char *given);

/* Why the program at `path` would run without the library, or NULL if nothing
 * speaks against it. Follows scripts to their interpreters. */
const char *library_refused_by(const char *path);

/* LD_PRELOAD with the library in front, of malloc. */
char *library_preload(const char *library, const char *before);

#endif
