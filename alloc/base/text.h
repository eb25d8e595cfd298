/*
 * text.h -- sentences put together without malloc, stdio or a locale.
 *
 * Above   whatever must speak: checks, options, reports
 * Lock    none; a text belongs to one thread
 * Always  buf[0..len) is what was said so far, never more than cap bytes;
 *         what does not fit is dropped and `lost` says so
 */
#ifndef TRI_BASE_TEXT_H
#define TRI_BASE_TEXT_H

#include "base.h"

struct text {
	char *buf;
	size_t cap;
	size_t len;
	bool lost;
};

void text_init(struct text *t, char *buf, size_t cap);
void text_str(struct text *t, const char *s);
void text_mem(struct text *t, const char *s, size_t len);
void text_uint(struct text *t, uint64_t n);
void text_int(struct text *t, int64_t n);
void text_hex(struct text *t, uint64_t n);

/* A number, right-aligned in `width` columns. */
void text_uint_padded(struct text *t, uint64_t n, unsigned width);

/* Waits until a file takes bytes; false where it takes none for a second. */
bool text_may_write(int fd);

/*
 * Writes what was said to a file descriptor and empties the text. A file that
 * does not block and takes nothing for a second gets no more.
 */
void text_write(struct text *t, int fd);

#endif
