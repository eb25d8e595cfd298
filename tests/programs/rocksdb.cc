/*
 * rocksdb.cc -- what RocksDB does with jemalloc: it looks for it, dumps its
 * statistics, and keeps its block cache out of core files by an arena whose
 * extents come from a hook of its own.
 *
 * Prints "no jemalloc" where one of the functions is missing, else
 * "jemalloc" once all of it has worked.
 */
#include <sys/mman.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "weak.h"

namespace
{

bool
has_jemalloc()
{
	return mallocx != nullptr && rallocx != nullptr && xallocx != nullptr &&
	       sallocx != nullptr && dallocx != nullptr &&
	       sdallocx != nullptr && nallocx != nullptr &&
	       mallctl != nullptr && mallctlnametomib != nullptr &&
	       mallctlbymib != nullptr && malloc_stats_print != nullptr &&
	       malloc_usable_size != nullptr;
}

void
append(void *text, const char *part)
{
	static_cast<std::string *>(text)->append(part);
}

void
check_statistics()
{
	std::string text;

	malloc_stats_print(append, &text, "");
	MUST(text.find("___ Begin jemalloc statistics ___") !=
		     std::string::npos,
	     "the statistics begin as jemalloc's do");
	MUST(text.find("--- End jemalloc statistics ---") != std::string::npos,
	     "the statistics end as jemalloc's do");
	MUST(text.find("\nAllocated: ") != std::string::npos,
	     "the statistics have a line of sums");
}

/* --- blocks that no core file shall have --------------------------------- */

struct hooks {
	void *(*alloc)(hooks *, void *, size_t, size_t, bool *, bool *,
		       unsigned);
	bool (*dalloc)(hooks *, void *, size_t, bool, unsigned);
	void (*destroy)(hooks *, void *, size_t, bool, unsigned);
	bool (*commit)(hooks *, void *, size_t, size_t, size_t, unsigned);
	bool (*decommit)(hooks *, void *, size_t, size_t, size_t, unsigned);
	bool (*purge_lazy)(hooks *, void *, size_t, size_t, size_t, unsigned);
	bool (*purge_forced)(hooks *, void *, size_t, size_t, size_t, unsigned);
	bool (*split)(hooks *, void *, size_t, size_t, size_t, bool, unsigned);
	bool (*merge)(hooks *, void *, size_t, void *, size_t, bool, unsigned);
};

decltype(hooks::alloc) original_alloc;
std::atomic<int> alloc_calls{ 0 };

void *
alloc_hidden(hooks *h, void *wanted, size_t size, size_t alignment, bool *zero,
	     bool *commit, unsigned arena)
{
	void *p = original_alloc(h, wanted, size, alignment, zero, commit,
				 arena);

	alloc_calls++;
	if (p != nullptr && madvise(p, size, MADV_DONTDUMP) != 0)
		return nullptr;
	return p;
}

std::string
name_of(unsigned arena, const char *what)
{
	return "arena." + std::to_string(arena) + "." + what;
}

class hidden_memory
{
public:
	hidden_memory()
	{
		size_t length = sizeof(arena);
		hooks *original = nullptr;
		hooks *wanted = &own;

		MUST(mallctl("arenas.create", &arena, &length, nullptr, 0) == 0,
		     "an arena can be made");
		length = sizeof(original);
		MUST(mallctl(name_of(arena, "extent_hooks").c_str(), &original,
			     &length, nullptr, 0) == 0 &&
			     original != nullptr && original->alloc != nullptr,
		     "an arena has hooks to begin with");
		own = *original;
		original_alloc = original->alloc;
		own.alloc = alloc_hidden;
		MUST(mallctl(name_of(arena, "extent_hooks").c_str(), nullptr,
			     nullptr, &wanted, sizeof(wanted)) == 0,
		     "an arena takes other hooks");
	}

	~hidden_memory()
	{
		for (unsigned cache : caches)
			MUST(mallctl("tcache.destroy", nullptr, nullptr, &cache,
				     sizeof(cache)) == 0,
			     "a cache can be destroyed");
		MUST(mallctl(name_of(arena, "destroy").c_str(), nullptr,
			     nullptr, nullptr, 0) == 0,
		     "an arena can be destroyed");
	}

	/* A cache per thread, made before the threads run. */
	unsigned
	make_cache()
	{
		unsigned cache = 0;
		size_t length = sizeof(cache);

		MUST(mallctl("tcache.create", &cache, &length, nullptr, 0) == 0,
		     "a cache can be made");
		caches.push_back(cache);
		return cache;
	}

	void *
	take(size_t size, unsigned cache)
	{
		int flags = int((arena + 1) << 20) | int((cache + 2) << 8);

		return mallocx(size, flags);
	}

	static void
	give(void *p, unsigned cache)
	{
		dallocx(p, int((cache + 2) << 8));
	}

private:
	unsigned arena = 0;
	hooks own{};
	std::vector<unsigned> caches;
};

/* Is the page left out of core files? By the flags in the kernel's list. */
bool
is_hidden(const void *p)
{
	std::ifstream smaps("/proc/self/smaps");
	std::string line;
	uintptr_t from = 0, to = 0, at = reinterpret_cast<uintptr_t>(p);

	while (std::getline(smaps, line)) {
		if (sscanf(line.c_str(), "%lx-%lx ", &from, &to) == 2)
			continue;
		if (line.compare(0, 8, "VmFlags:") == 0 && from <= at &&
		    at < to)
			return line.find(" dd") != std::string::npos;
	}
	return false;
}

void
work(hidden_memory *memory, unsigned cache)
{
	static const size_t sizes[] = { 24,   160,   1000,   4096,
					8300, 40000, 300000, 3000000 };
	std::vector<void *> blocks;

	for (int round = 0; round < 40; round++) {
		for (size_t size : sizes) {
			void *p = memory->take(size, cache);

			MUST(p != nullptr && malloc_usable_size(p) >= size,
			     "a block has the size that was asked for");
			memset(p, round, size);
			blocks.push_back(p);
		}
		if (round % 10 == 0)
			MUST(is_hidden(blocks[blocks.size() - 1]) &&
				     is_hidden(blocks[blocks.size() - 8]),
			     "blocks of the arena are in no core file");
		while (blocks.size() > 60) {
			size_t which = (blocks.size() * 31u) % blocks.size();

			hidden_memory::give(blocks[which], cache);
			blocks[which] = blocks.back();
			blocks.pop_back();
		}
	}
	for (void *p : blocks)
		hidden_memory::give(p, cache);
}

void
check_hidden_memory()
{
	hidden_memory memory;
	std::vector<unsigned> caches;
	std::vector<std::thread> threads;
	void *plain = malloc(5000);

	for (int i = 0; i < 4; i++)
		caches.push_back(memory.make_cache());
	for (unsigned cache : caches)
		threads.emplace_back(work, &memory, cache);
	for (std::thread &thread : threads)
		thread.join();
	MUST(alloc_calls > 0, "the hook was asked for memory");
	MUST(plain != nullptr && !is_hidden(plain),
	     "blocks of malloc are in core files as before");
	free(plain);
}

} // namespace

int
main()
{
	if (!has_jemalloc()) {
		puts("no jemalloc");
		return 0;
	}
	check_statistics();
	/* Twice: the second time an arena that was destroyed may come back. */
	check_hidden_memory();
	check_hidden_memory();
	puts("jemalloc");
	return 0;
}
