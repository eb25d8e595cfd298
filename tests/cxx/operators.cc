// operators.cc -- operators new and delete, all 20 forms, on the library.
//
// The program is linked with the C++ library, which has operators of its own;
// each case first makes sure that they are not the ones that are called.

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <malloc.h>

#include "process/case.h"
#include "process/library.h"
#include "process/memory.h"

namespace
{

// The compiler may neither leave a call out nor wonder about its result.
void
consume(void *p)
{
	hide(p);
}

constexpr std::size_t sizes[] = {
	0, 1, 8, 16, 24, 100, 1024, 10000, 32768, 100000, 1 << 20, 3 << 20
};

void
use(void *p, std::size_t n, std::size_t alignment)
{
	expect_for(p != nullptr && is_aligned(p, alignment),
		   "%p for %zu at %zu", p, n, alignment);
	expect(malloc_usable_size(p) >= n);
	std::memset(p, 0x33, n);
}

// Calls by name: a new expression may be left out by the compiler.
void
every_plain_form_gives_and_takes_blocks()
{
	for (std::size_t n : sizes) {
		void *p = ::operator new(n);

		use(p, n, ALIGNMENT);
		::operator delete(p);
		p = ::operator new[](n);
		use(p, n, ALIGNMENT);
		::operator delete[](p);
		p = ::operator new(n, std::nothrow);
		use(p, n, ALIGNMENT);
		::operator delete(p, std::nothrow);
		p = ::operator new[](n, std::nothrow);
		use(p, n, ALIGNMENT);
		::operator delete[](p, std::nothrow);
	}
}

void
every_sized_form_takes_blocks()
{
	for (std::size_t n : sizes) {
		void *p = ::operator new(n);

		use(p, n, ALIGNMENT);
		::operator delete(p, n);
		p = ::operator new[](n);
		use(p, n, ALIGNMENT);
		::operator delete[](p, n);
	}
}

void
every_aligned_form_gives_and_takes_blocks()
{
	for (std::size_t a = 1; a <= 4 * MIB; a *= 2) {
		const std::align_val_t alignment{ a };

		for (std::size_t n : sizes) {
			void *p = ::operator new(n, alignment);

			use(p, n, a);
			::operator delete(p, alignment);
			p = ::operator new[](n, alignment);
			use(p, n, a);
			::operator delete[](p, alignment);
			p = ::operator new(n, alignment, std::nothrow);
			use(p, n, a);
			::operator delete(p, alignment, std::nothrow);
			p = ::operator new[](n, alignment, std::nothrow);
			use(p, n, a);
			::operator delete[](p, alignment, std::nothrow);
			p = ::operator new(n, alignment);
			use(p, n, a);
			::operator delete(p, n, alignment);
			p = ::operator new[](n, alignment);
			use(p, n, a);
			::operator delete[](p, n, alignment);
		}
	}
}

void
every_operator_is_the_library_s()
{
	static const char *const names[] = {
		"_Znwm",
		"_Znam",
		"_ZnwmRKSt9nothrow_t",
		"_ZnamRKSt9nothrow_t",
		"_ZnwmSt11align_val_t",
		"_ZnamSt11align_val_t",
		"_ZnwmSt11align_val_tRKSt9nothrow_t",
		"_ZnamSt11align_val_tRKSt9nothrow_t",
		"_ZdlPv",
		"_ZdaPv",
		"_ZdlPvm",
		"_ZdaPvm",
		"_ZdlPvRKSt9nothrow_t",
		"_ZdaPvRKSt9nothrow_t",
		"_ZdlPvSt11align_val_t",
		"_ZdaPvSt11align_val_t",
		"_ZdlPvmSt11align_val_t",
		"_ZdaPvmSt11align_val_t",
		"_ZdlPvSt11align_val_tRKSt9nothrow_t",
		"_ZdaPvSt11align_val_tRKSt9nothrow_t",
	};

	static_assert(sizeof names / sizeof names[0] == 20, "all of them");
	for (const char *name : names)
		library_function(name);
}

void
delete_of_null_does_nothing()
{
	void *volatile null = nullptr;

	::operator delete(null);
	::operator delete[](null);
	::operator delete (null, std::size_t{ 100 });
	::operator delete[](null, std::size_t{ 100 });
	::operator delete(null, std::nothrow);
	::operator delete[](null, std::nothrow);
	::operator delete (null, std::align_val_t{ 64 });
	::operator delete[](null, std::align_val_t{ 64 });
	::operator delete (null, std::size_t{ 100 }, std::align_val_t{ 64 });
	::operator delete[](null, std::size_t{ 100 }, std::align_val_t{ 64 });
	::operator delete (null, std::align_val_t{ 64 }, std::nothrow);
	::operator delete[](null, std::align_val_t{ 64 }, std::nothrow);
}

struct alignas(256) Wide {
	char bytes[300];
};

void
objects_and_containers_live_on_it()
{
	std::vector<std::string> strings;
	std::unique_ptr<Wide[]> wide(new Wide[7]);

	expect(is_aligned(wide.get(), 256));
	for (int i = 0; i < 20000; i++)
		strings.push_back(
			std::string(static_cast<std::size_t>(i % 300), 'x'));
	for (std::size_t i = 0; i < strings.size(); i++)
		expect(strings[i].size() == i % 300);
}

// --- when there is no memory ------------------------------------------------------

constexpr std::size_t impossible = SIZE_MAX / 2 + 1;
const std::align_val_t cache_line{ 64 };

template <typename F>
bool
throws_bad_alloc(F f)
{
	try {
		f();
	} catch (const std::bad_alloc &) {
		return true;
	}
	return false;
}

void
new_throws_bad_alloc_for_an_impossible_size()
{
	for (std::size_t n :
	     { impossible, SIZE_MAX, SIZE_MAX / 2, std::size_t{ 1 } << 60 }) {
		n = hide_size(n);
		expect(throws_bad_alloc([=] { consume(::operator new(n)); }));
		expect(throws_bad_alloc([=] { consume(::operator new[](n)); }));
		expect(throws_bad_alloc(
			[=] { consume(::operator new(n, cache_line)); }));
		expect(throws_bad_alloc(
			[=] { consume(::operator new[](n, cache_line)); }));
	}
}

void
nothrow_new_returns_null_for_an_impossible_size()
{
	std::size_t n = hide_size(impossible);

	expect(::operator new(n, std::nothrow) == nullptr);
	expect(::operator new[](n, std::nothrow) == nullptr);
	expect(::operator new(n, cache_line, std::nothrow) == nullptr);
	expect(::operator new[](n, cache_line, std::nothrow) == nullptr);
}

// The exception unwinds through frames with destructors, and is caught far up.
struct Guard {
	int *count;
	~Guard()
	{
		++*count;
	}
};

int
dive(int depth, int *count)
{
	Guard guard{ count };
	std::vector<char> ballast(100);

	if (depth > 0)
		return dive(depth - 1, count) +
		       static_cast<int>(ballast.size());
	return *static_cast<char *>(::operator new(hide_size(impossible)));
}

void
the_exception_passes_through_destructors()
{
	int count = 0;

	expect(throws_bad_alloc([&] { dive(100, &count); }));
	expect_for(count == 101, "%d", count);
}

void
memory_can_be_had_after_an_exception()
{
	for (int i = 0; i < 1000; i++) {
		expect(throws_bad_alloc([] {
			consume(::operator new(hide_size(impossible)));
		}));
		::operator delete(::operator new(hide_size(1000)));
	}
}

void
an_exception_in_one_thread_is_nothing_to_the_others()
{
	std::vector<std::thread> threads;

	for (int i = 0; i < 8; i++)
		threads.emplace_back(memory_can_be_had_after_an_exception);
	for (std::thread &t : threads)
		t.join();
}

// --- new_handler ------------------------------------------------------------------------

int ncalls;
void *reserve;

// Under a limit on the address space: the third call gives something back.
void
release_at_the_third_call()
{
	if (++ncalls == 3)
		free(reserve);
}

void
the_new_handler_is_called_until_there_is_memory()
{
	reserve = malloc(hide_size(120 * MIB));
	expect(reserve != nullptr);
	std::set_new_handler(release_at_the_third_call);
	void *p = ::operator new(hide_size(100 * MIB));
	expect(p != nullptr);
	expect_for(ncalls == 3, "%d", ncalls);
	::operator delete(p);
}

void
give_up_at_the_third_call()
{
	if (++ncalls == 3)
		std::set_new_handler(nullptr);
}

void
without_a_new_handler_left_bad_alloc_is_thrown()
{
	std::set_new_handler(give_up_at_the_third_call);
	expect(throws_bad_alloc(
		[] { consume(::operator new(hide_size(impossible))); }));
	expect_for(ncalls == 3, "%d", ncalls);
}

struct Out_of_everything : std::bad_alloc {
};

void
throw_at_the_third_call()
{
	if (++ncalls == 3)
		throw Out_of_everything();
}

void
what_the_new_handler_throws_arrives()
{
	bool caught = false;

	std::set_new_handler(throw_at_the_third_call);
	try {
		consume(::operator new[](hide_size(impossible), cache_line));
	} catch (const Out_of_everything &) {
		caught = true;
	}
	expect(caught);
	expect_for(ncalls == 3, "%d", ncalls);
}

void
expect_null_from(void *(*f)(std::size_t))
{
	ncalls = 0;
	expect(f(hide_size(impossible)) == nullptr);
	expect_for(ncalls == 3, "%d", ncalls);
}

void
nothrow_new_returns_null_even_if_the_new_handler_throws()
{
	std::set_new_handler(throw_at_the_third_call);
	expect_null_from(
		[](std::size_t n) { return ::operator new(n, std::nothrow); });
	expect_null_from([](std::size_t n) {
		return ::operator new[](n, std::nothrow);
	});
	expect_null_from([](std::size_t n) {
		return ::operator new(n, cache_line, std::nothrow);
	});
	expect_null_from([](std::size_t n) {
		return ::operator new[](n, cache_line, std::nothrow);
	});
}

[[noreturn]] void
end_the_program()
{
	std::exit(0);
}

void
a_new_handler_may_end_the_program()
{
	std::set_new_handler(end_the_program);
	consume(::operator new(hide_size(impossible)));
	expect(!"reached");
}

[[noreturn]] void
say_and_abort()
{
	std::abort();
}

void
an_exception_that_nobody_catches_terminates()
{
	std::set_terminate(say_and_abort);
	std::thread([] {
		consume(::operator new(hide_size(impossible)));
	}).join();
}

// --- thread_local ---------------------------------------------------------------------------

std::size_t ndestructions;

struct Heirloom {
	std::string text = std::string(1000, 't');
	~Heirloom()
	{
		std::vector<std::string> more(50, text);

		expect(more.back() == text);
		__atomic_fetch_add(&ndestructions, 1, __ATOMIC_RELAXED);
	}
};

thread_local Heirloom heirloom;

void
thread_local_objects_are_destructed_on_the_allocator()
{
	for (int round = 0; round < 20; round++) {
		std::vector<std::thread> threads;

		for (int i = 0; i < 20; i++)
			threads.emplace_back(
				[] { expect(heirloom.text.size() == 1000); });
		for (std::thread &t : threads)
			t.join();
	}
	expect_for(ndestructions == 400, "%zu", ndestructions);
}

// --- misuse ----------------------------------------------------------------------------------

void
delete_twice_dies()
{
	void *volatile p = ::operator new(100);

	::operator delete(p);
	::operator delete(p);
}

void
delete_of_a_variable_dies()
{
	static char variable[64];

	::operator delete(hide(variable));
}

void
sized_delete_with_another_size_dies()
{
	::operator delete(::operator new(1024), hide_size(100));
}

void
sized_array_delete_with_another_size_dies()
{
	::operator delete[](::operator new[](1024), hide_size(5000));
}

void
sized_aligned_delete_with_another_size_dies()
{
	::operator delete(::operator new(256, cache_line), hide_size(5000),
			  cache_line);
}

// --- the table --------------------------------------------------------------------------------

test_case
passing(const char *name, void (*run)())
{
	test_case c{};

	c.name = name;
	c.run = run;
	return c;
}

test_case
limited(const char *name, void (*run)(), std::size_t address_space)
{
	test_case c = passing(name, run);

	c.address_space = address_space;
	return c;
}

test_case
aborting(const char *name, void (*run)(), const char *sentence)
{
	test_case c = passing(name, run);

	c.signal = SIGABRT;
	c.says[0] = sentence;
	return c;
}

} // namespace

#define PASSING(f)            passing(#f, f)
#define LIMITED(f, bytes)     limited(#f, f, bytes)
#define ABORTING(f, sentence) aborting(#f, f, sentence)
#define ADDRESS               "0x[0-9a-f]+"

int
main(int argc, char **argv)
{
	const test_case cases[] = {
		PASSING(every_operator_is_the_library_s),
		PASSING(every_plain_form_gives_and_takes_blocks),
		PASSING(every_sized_form_takes_blocks),
		PASSING(every_aligned_form_gives_and_takes_blocks),
		PASSING(delete_of_null_does_nothing),
		PASSING(objects_and_containers_live_on_it),
		PASSING(new_throws_bad_alloc_for_an_impossible_size),
		PASSING(nothrow_new_returns_null_for_an_impossible_size),
		PASSING(the_exception_passes_through_destructors),
		PASSING(memory_can_be_had_after_an_exception),
		PASSING(an_exception_in_one_thread_is_nothing_to_the_others),
		LIMITED(the_new_handler_is_called_until_there_is_memory,
			200 * MIB),
		PASSING(without_a_new_handler_left_bad_alloc_is_thrown),
		PASSING(what_the_new_handler_throws_arrives),
		PASSING(nothrow_new_returns_null_even_if_the_new_handler_throws),
		PASSING(a_new_handler_may_end_the_program),
		ABORTING(an_exception_that_nobody_catches_terminates, nullptr),
		PASSING(thread_local_objects_are_destructed_on_the_allocator),
		ABORTING(delete_twice_dies,
			 "^trimalloc: free\\(\\): " ADDRESS
			 " was already freed \\(class [^()]*\\)$"),
		ABORTING(delete_of_a_variable_dies,
			 "^trimalloc: free\\(\\): " ADDRESS
			 " is not a pointer of this allocator "
			 "\\(in a mapping of the program's\\)$"),
		ABORTING(sized_delete_with_another_size_dies,
			 "^trimalloc: operator delete: " ADDRESS
			 " has size 1024, not 100 \\(class 1024 [^()]*\\)$"),
		ABORTING(sized_array_delete_with_another_size_dies,
			 "^trimalloc: operator delete\\[\\]: " ADDRESS
			 " has size 1024, not 5000 \\(class 1024 [^()]*\\)$"),
		ABORTING(sized_aligned_delete_with_another_size_dies,
			 "^trimalloc: operator delete: " ADDRESS
			 " has size 256, not 5000 \\(class 256 [^()]*\\)$"),
	};

	return RUN_CASES(argc, argv, cases);
}
