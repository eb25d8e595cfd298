// thrown.cc -- exceptions that cross threads, also where memory is used up.
//
// Prints "done"; ends with a sentence where something did not hold.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <future>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>

namespace
{

constexpr int NTHREADS = 8;
constexpr int NROUNDS = 60;

[[noreturn]] void
fail(const char *what)
{
	std::fprintf(stderr, "thrown: %s\n", what);
	std::_Exit(1);
}

// As deep as it says, with something to be destroyed in each frame.
void
throw_from(int depth, const std::string &text)
{
	std::vector<std::string> here(depth % 7 + 1, text);

	if (depth == 0)
		throw std::runtime_error(text + here[0]);
	throw_from(depth - 1, text);
}

// The exception is made in one thread and dies in another.
void
across_threads()
{
	for (int round = 0; round < NROUNDS; round++) {
		std::string text = std::to_string(round) +
				   std::string(200, 'x');
		std::vector<std::future<void>> all;

		for (int i = 0; i < NTHREADS; i++)
			all.push_back(std::async(std::launch::async, throw_from,
						 i + 20, text));
		for (auto &one : all) {
			try {
				one.get();
				fail("nothing was thrown");
			} catch (const std::runtime_error &e) {
				if (text + text != e.what())
					fail("another text came");
			}
		}
	}
}

// Takes blocks until there are no more: what was thrown then.
std::exception_ptr
use_up(std::vector<std::unique_ptr<char[]>> &kept)
{
	try {
		for (;;) {
			size_t n = size_t(1) << (10 + kept.size() % 12);

			kept.push_back(std::make_unique<char[]>(n));
		}
	} catch (const std::bad_alloc &) {
		return std::current_exception();
	}
}

void
exhaust(int round)
{
	std::vector<std::exception_ptr> what(4);
	std::vector<std::thread> threads;

	for (auto &one : what)
		threads.emplace_back([&one] {
			std::vector<std::unique_ptr<char[]>> kept;

			one = use_up(kept);
		});
	for (auto &t : threads)
		t.join();
	for (auto &one : what) {
		try {
			std::rethrow_exception(one);
		} catch (const std::bad_alloc &e) {
			if (e.what() == nullptr)
				fail("it has no text");
		}
	}
	// And it goes on.
	std::vector<std::string> after(1000, std::to_string(round));
}

// gdb stops here.
extern "C" __attribute__((noinline)) void
all_is_over()
{
	__asm__ volatile("");
}

} // namespace

int
main(int argc, char **argv)
{
	struct rlimit limit = { size_t(256) << 20, size_t(256) << 20 };

	across_threads();
	if (argc > 1 && std::strcmp(argv[1], "exhaust") == 0) {
		if (setrlimit(RLIMIT_DATA, &limit) != 0)
			fail("no limit can be set");
		for (int round = 0; round < 5; round++)
			exhaust(round);
	}
	all_is_over();
	std::puts("done");
	return 0;
}
