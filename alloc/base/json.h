/*
 * json.h -- JSON, written as it comes.
 *
 * Above   control's reports, and what is printed for programs
 * Lock    none; a writer belongs to one thread
 * Always  what is written is one value of RFC 8259, in UTF-8, when every
 *         object and array that was begun has been ended
 *
 * Members of an object have a key, elements of an array have none (NULL). Keys
 * and strings are escaped; bytes that are no UTF-8 become U+FFFD.
 */
#ifndef TRI_BASE_JSON_H
#define TRI_BASE_JSON_H

#include "text.h"

#define JSON_DEPTH_MAX 32u

struct json {
	struct text *out;
	unsigned depth;
	uint32_t is_array;    /* a bit for each depth */
	uint32_t has_members; /* the same: the next one follows a comma */
};

void json_init(struct json *j, struct text *out);

void json_object(struct json *j, const char *key);
void json_array(struct json *j, const char *key);

/* Ends the object or array that was begun last. */
void json_end(struct json *j);

void json_uint(struct json *j, const char *key, uint64_t n);
void json_int(struct json *j, const char *key, int64_t n);
void json_bool(struct json *j, const char *key, bool yes);
void json_string(struct json *j, const char *key, const char *s);

/* A value that the caller writes to j->out: it must be one of JSON. */
void json_raw(struct json *j, const char *key);

#endif
