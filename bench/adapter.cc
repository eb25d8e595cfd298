/*
 * adapter.cc -- runs the C benchmarks under google-benchmark.
 *
 *   suite --list               name, clock, group and iterations of every row
 *   suite NAME [--scale S]     runs one row, S times its iterations, with
 *                              google-benchmark's own options after it
 *
 * One process runs one benchmark: its peak memory is then its own, and nothing
 * that another benchmark left in the allocator can help or hurt it.
 *
 * Always  google-benchmark is told the number of iterations; it never chooses
 */
#include "bench.h"

#include <benchmark/benchmark.h>
#include <dlfcn.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

extern "C" const struct bench_set *const __start_bench_sets[];
extern "C" const struct bench_set *const __stop_bench_sets[];

namespace
{

const char *const clock_names[] = { "cpu", "wall" };
const char *const group_names[] = { "general", "large", "crowd", "startup",
				    "idle" };

/* A tenth of the timed iterations runs first: code, caches and the allocator's
 * pools are then as they stay. */
constexpr uint64_t WARM_UP_PART = 10;

template <typename Visit>
void
each_row(Visit visit)
{
	for (auto set = __start_bench_sets; set < __stop_bench_sets; set++)
		for (size_t i = 0; i < (*set)->nrows; i++)
			visit((*set)->rows[i]);
}

long
minor_faults()
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

/* A line of /proc/self/status in bytes. VmHWM is the peak of this program
 * alone; getrusage's ru_maxrss would keep the peak from before exec. */
double
status_bytes(const char *field)
{
	char line[256];
	double kib = 0;
	FILE *status = fopen("/proc/self/status", "re");
	const size_t length = strlen(field);

	while (status && fgets(line, sizeof(line), status))
		if (strncmp(line, field, length) == 0)
			kib = atof(line + length + 1);
	if (status)
		fclose(status);
	return kib * KIB;
}

/* The file that malloc came from: proves that the preload took effect. */
const char *
malloc_library()
{
	Dl_info info;
	void *symbol = dlsym(RTLD_DEFAULT, "malloc");

	if (!symbol || !dladdr(symbol, &info))
		return "?";
	return info.dli_fname;
}

void
add_counter(void *out, const char *name, double value)
{
	static_cast<benchmark::State *>(out)->counters[name] = value;
}

void
run_row(benchmark::State &state, const struct bench *row)
{
	const uint64_t n = static_cast<uint64_t>(state.max_iterations);
	const uint64_t warm_up = n / WARM_UP_PART;
	void *const own = row->setup(row);

	row->run(own, warm_up ? warm_up : 1);
	const long faults = minor_faults();
	while (state.KeepRunningBatch(
		static_cast<benchmark::IterationCount>(n)))
		row->run(own, n);
	add_counter(&state, "minor_faults",
		    static_cast<double>(minor_faults() - faults));
	if (row->report)
		row->report(own, add_counter, &state);
	row->teardown(own);
	add_counter(&state, "rest_bytes", status_bytes("VmRSS"));
	add_counter(&state, "peak_bytes", status_bytes("VmHWM"));
	state.SetLabel(malloc_library());
}

int
list_rows()
{
	each_row([](const struct bench &row) {
		printf("%s\t%s\t%s\t%llu\n", row.name, clock_names[row.clock],
		       group_names[row.group],
		       static_cast<unsigned long long>(row.iterations));
	});
	return 0;
}

const struct bench *
find_row(const char *name)
{
	const struct bench *found = nullptr;

	each_row([&](const struct bench &row) {
		if (strcmp(row.name, name) == 0)
			found = &row;
	});
	return found;
}

/* Takes "--scale S" out of the arguments; 1 when it is not there. */
double
take_scale(int *argc, char **argv)
{
	double scale = 1;

	for (int i = 2; i + 1 < *argc; i++) {
		if (strcmp(argv[i], "--scale") != 0)
			continue;
		scale = atof(argv[i + 1]);
		memmove(argv + i, argv + i + 2,
			static_cast<size_t>(*argc - i - 1) * sizeof(*argv));
		*argc -= 2;
		break;
	}
	return scale;
}

void
register_row(const struct bench *row, double scale)
{
	const double n = static_cast<double>(row->iterations) * scale;
	auto *const registered = benchmark::RegisterBenchmark(
		row->name,
		[row](benchmark::State &state) { run_row(state, row); });

	registered->Iterations(
		static_cast<benchmark::IterationCount>(n < 1 ? 1 : n));
	registered->MeasureProcessCPUTime();
	registered->UseRealTime();
}

} // namespace

int
main(int argc, char **argv)
{
	if (argc >= 2 && strcmp(argv[1], "--list") == 0)
		return list_rows();

	const struct bench *const row = argc >= 2 ? find_row(argv[1]) : nullptr;
	if (!row) {
		fprintf(stderr,
			"usage: %s --list | NAME [--scale S] "
			"[--benchmark_...]\n",
			argv[0]);
		return 2;
	}
	const double scale = take_scale(&argc, argv);
	argv[1] = argv[0];
	argc--;
	argv++;
	benchmark::Initialize(&argc, argv);
	if (scale <= 0 || benchmark::ReportUnrecognizedArguments(argc, argv))
		return 2;
	register_row(row, scale);
	benchmark::RunSpecifiedBenchmarks();
	return 0;
}
