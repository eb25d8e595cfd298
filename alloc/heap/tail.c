/*
 * tail.c -- see tail.h.
 */
#include <string.h>

#include "tail.h"

static uint64_t secret;

void
tail_boot(uint64_t from)
{
	secret = from;
}

static uint64_t
key_of(const void *p, enum tail_state state)
{
	return mix_bits(((uintptr_t)p ^ secret) +
			(state + 1) * UINT64_C(0x9e3779b97f4a7c15));
}

/*
 * An odd number and its inverse modulo 2^64: a size is spread over the whole
 * word, so that a byte of the seal that is written makes another size of it
 * that no block can have.
 */
#define SPREAD UINT64_C(0x9e3779b97f4a7c15)
#define GATHER UINT64_C(0xf1de83e19937733d)

static_assert(SPREAD * GATHER == 1, "one undoes the other");

static uint64_t *
seal_at(void *p, size_t bytes)
{
	return (uint64_t *)(void *)((char *)p + bytes - sizeof(uint64_t));
}

static size_t
canary_bytes(size_t bytes, size_t n)
{
	return min_size(bytes - sizeof(uint64_t) - n, TAIL_CANARY_MAX);
}

/* Neither the end of a string nor a character of one. */
static uint8_t
canary_of(const void *p)
{
	return (uint8_t)(key_of(p, TAIL_BROKEN) | 0x80);
}

void
tail_seal(void *p, size_t bytes, size_t n, enum tail_state state)
{
	*seal_at(p, bytes) = key_of(p, state) + n * SPREAD;
	memset((char *)p + n, canary_of(p), canary_bytes(bytes, n));
}

static bool
is_of(const void *p, size_t bytes, uint64_t seal, enum tail_state state,
      size_t *n)
{
	*n = (seal - key_of(p, state)) * GATHER;
	return *n <= bytes - TAIL_BYTES;
}

struct tail
tail_read(const void *p, size_t bytes)
{
	uint64_t seal = *seal_at((void *)(uintptr_t)p, bytes);
	struct tail t = { TAIL_LIVE, 0, 0 };

	if (!is_of(p, bytes, seal, TAIL_LIVE, &t.n)) {
		t.state = TAIL_FREED;
		if (!is_of(p, bytes, seal, TAIL_FREED, &t.n))
			return (struct tail){ TAIL_BROKEN, 0, 0 };
	}
	t.at = t.n + tail_first_unlike((const char *)p + t.n,
				       canary_bytes(bytes, t.n), canary_of(p));
	if (t.at == t.n + canary_bytes(bytes, t.n))
		t.at = TAIL_WHOLE;
	return t;
}

size_t
tail_first_unlike(const void *p, size_t n, uint8_t byte)
{
	uint64_t want = byte * UINT64_C(0x0101010101010101), word;
	const uint8_t *at = p;
	size_t i = 0;

	for (; i + sizeof word <= n; i += sizeof word) {
		memcpy(&word, at + i, sizeof word);
		if (word != want)
			break;
	}
	while (i < n && at[i] == byte)
		i++;
	return i;
}
