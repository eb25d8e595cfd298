/*
 * folly.cc -- what folly's memory routines do with jemalloc: they find out
 * that malloc is it by a counter that moves, round requests up to what a block
 * holds, grow blocks where they lie and free them with their size.
 *
 * Prints "no jemalloc" or, once all of it has worked, "jemalloc".
 */
#include <cstring>
#include <thread>
#include <vector>

#include "weak.h"

namespace
{

uint64_t *
counter(const char *name)
{
	uint64_t *p = nullptr;
	size_t length = sizeof(p);

	if (mallctl(name, static_cast<void *>(&p), &length, nullptr, 0) != 0 ||
	    length != sizeof(p))
		return nullptr;
	return p;
}

/* What *p is now: nobody but this thread's malloc writes it, unseen. */
uint64_t
look(uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

bool
using_jemalloc()
{
	if (mallocx == nullptr || rallocx == nullptr || xallocx == nullptr ||
	    sallocx == nullptr || dallocx == nullptr || sdallocx == nullptr ||
	    nallocx == nullptr || mallctl == nullptr ||
	    mallctlnametomib == nullptr || mallctlbymib == nullptr)
		return false;

	uint64_t *allocated = counter("thread.allocatedp");
	if (allocated == nullptr)
		return false;

	uint64_t before = look(allocated);
	void *volatile p = malloc(1);
	bool has_moved = look(allocated) != before;
	free(p);
	return has_moved;
}

void
check_counters()
{
	uint64_t *allocated = counter("thread.allocatedp");
	uint64_t *freed = counter("thread.deallocatedp");

	MUST(allocated != nullptr && freed != nullptr,
	     "each thread has its two counters");
	for (size_t size = 1; size < 5000000; size = size * 3 + 1) {
		uint64_t before = look(allocated), gone = look(freed), value;
		void *p = malloc(size);
		size_t length = sizeof(value);
		size_t whole = malloc_usable_size(p);

		memset(p, 1, size);
		MUST(look(allocated) - before == whole,
		     "a block is counted when it is taken");
		MUST(mallctl("thread.allocated", &value, &length, nullptr, 0) ==
				     0 &&
			     value == look(allocated),
		     "thread.allocated is what its pointer points to");
		free(p);
		MUST(look(freed) - gone == whole,
		     "a block is counted when it is freed");
	}
}

void
check_sizes()
{
	for (size_t size = 1; size < 3000000; size += size / 3 + 1) {
		size_t good = nallocx(size, 0);
		void *p = mallocx(size, 0);

		MUST(p != nullptr && good >= size && sallocx(p, 0) == good,
		     "nallocx knows what mallocx will give");
		MUST(xallocx(p, good, 0, 0) >= good,
		     "a block has room for all of what it holds");
		memset(p, 7, good);
		p = rallocx(p, good * 2, 0);
		MUST(p != nullptr && static_cast<char *>(p)[good - 1] == 7,
		     "rallocx keeps what was written");
		sdallocx(p, good * 2, 0);
	}
}

/* A vector that grows where it lies as long as it can. */
void
check_growth()
{
	size_t size = nallocx(1 << 20, 0), in_place = 0;
	char *p = static_cast<char *>(mallocx(size, 0x40));

	MUST(p != nullptr, "a large block can be had");
	for (int i = 0; i < 20; i++) {
		size_t now = xallocx(p, size + (1 << 16), 0, 0);

		MUST(now >= size, "growth in place takes nothing away");
		if (now > size) {
			in_place++;
			memset(p + size, 1, now - size);
			size = now;
			continue;
		}
		size = nallocx(size + (1 << 16), 0);
		p = static_cast<char *>(rallocx(p, size, 0));
		MUST(p != nullptr, "a block that cannot grow is moved");
	}
	for (int i = 0; i < 1000; i++)
		MUST(p[i] == 0, "a block asked for zeroed is so");
	printf("# grew %zu times of 20 in place\n", in_place);
	sdallocx(p, size, 0);
}

} // namespace

int
main()
{
	std::vector<std::thread> threads;

	if (!using_jemalloc()) {
		puts("no jemalloc");
		return 0;
	}
	check_counters();
	check_sizes();
	check_growth();
	for (int i = 0; i < 8; i++)
		threads.emplace_back([] {
			MUST(using_jemalloc(), "each thread finds jemalloc");
			check_counters();
			check_sizes();
		});
	for (std::thread &thread : threads)
		thread.join();
	puts("jemalloc");
	return 0;
}
