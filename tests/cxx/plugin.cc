// plugin.cc -- C++ code that plugins.c loads; each function says whether the
// language's promise held.

#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <vector>

namespace
{

std::size_t
impossible()
{
	static volatile std::size_t n = SIZE_MAX / 2;

	return n;
}

int ncalls;
void *volatile result;

void
give_up_at_the_third_call()
{
	if (++ncalls == 3)
		throw std::bad_alloc();
}

bool
new_throws()
{
	try {
		result = ::operator new(impossible());
	} catch (const std::bad_alloc &) {
		return true;
	}
	return false;
}

} // namespace

extern "C" {

int
plugin_lives()
{
	std::vector<std::string> strings;

	for (std::size_t i = 0; i < 1000; i++)
		strings.push_back(std::string(i, 'p'));
	return strings.back().size() == 999;
}

int
plugin_catches_bad_alloc()
{
	return new_throws();
}

int
plugin_calls_its_new_handler()
{
	ncalls = 0;
	std::set_new_handler(give_up_at_the_third_call);
	bool threw = new_throws();
	std::set_new_handler(nullptr);
	return threw && ncalls == 3;
}

int
plugin_gets_null_from_nothrow()
{
	ncalls = 0;
	std::set_new_handler(give_up_at_the_third_call);
	void *p = ::operator new(impossible(), std::nothrow);
	std::set_new_handler(nullptr);
	return p == nullptr && ncalls == 3;
}
}
