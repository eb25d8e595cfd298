/*
 * errors.h -- errno values in words.
 *
 * Above   control, wherever a failure is reported
 * Lock    none
 * Always  no locale and no memory, as strerror would need; strerrordesc_np
 *         has neither, but came with glibc 2.32 and is not in musl
 */
#ifndef TRI_BASE_ERRORS_H
#define TRI_BASE_ERRORS_H

/* What an error of files or sockets means; NULL for others. */
const char *error_words(int error);

#endif
