/*
 * replay.c -- main() of the fuzz targets where there is no libFuzzer.
 *
 *	TARGET [-seed=N] [-runs=N] [-artifact_prefix=PREFIX] PATH...
 *
 * Each file, and each file of a folder, is an input. Then -runs more are made
 * of them by the seed: some bytes changed, cut out, or taken from another one.
 * What libFuzzer alone understands is accepted without effect. The input that
 * ends the process is left in PREFIXcrash.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "luck.h"

#define INPUT_BYTES ((size_t)1 << 16)
#define PATH_BYTES  4096

struct seed_input {
	uint8_t *bytes;
	size_t len;
};

static struct seed_input *seeds;
static size_t nseeds;
static struct seed_input now; /* what is being run */
static char crash_path[PATH_BYTES];

/* --- the input that ends the process ------------------------------------------ */

static void
keep_input(int number)
{
	int fd = open(crash_path, O_WRONLY | O_CREAT | O_TRUNC, 0666);

	if (fd >= 0 && write(fd, now.bytes, now.len) >= 0)
		close(fd);
	signal(number, SIG_DFL);
	raise(number);
}

static void
catch_ends(const char *prefix)
{
	static const int numbers[] = { SIGABRT, SIGSEGV, SIGBUS,
				       SIGILL,  SIGFPE,  SIGALRM };

	snprintf(crash_path, sizeof crash_path, "%scrash", prefix);
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		signal(numbers[i], keep_input);
}

static void
run(uint8_t *bytes, size_t len)
{
	/* As the last bytes of a block: what is read behind them is seen. */
	uint8_t *copy = malloc(len + (len == 0));

	must(copy != NULL);
	if (len > 0)
		memcpy(copy, bytes, len);
	now = (struct seed_input){ copy, len };
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

/* --- inputs ---------------------------------------------------------------------- */

static void
add_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *bytes = malloc(INPUT_BYTES);

	if (f == NULL) {
		perror(path);
		exit(2);
	}
	seeds = realloc(seeds, (nseeds + 1) * sizeof *seeds);
	must(seeds != NULL && bytes != NULL);
	seeds[nseeds].len = fread(bytes, 1, INPUT_BYTES, f);
	seeds[nseeds++].bytes = bytes;
	fclose(f);
}

static void
add_folder(const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort);
	char full[PATH_BYTES];

	for (int i = 0; i < n; i++) {
		snprintf(full, sizeof full, "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			add_file(full);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

static void
add(const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		add_folder(path);
	else
		add_file(path);
}

/* --- more of them -------------------------------------------------------------- */

static size_t
change(uint8_t *bytes, size_t len, uint64_t *luck)
{
	size_t at = random_below(luck, len + 1);
	const struct seed_input *other = &seeds[random_below(luck, nseeds)];
	size_t from = random_below(luck, other->len + 1);
	size_t n = random_below(luck, 16);

	switch (random_below(luck, 5)) {
	case 0: /* one bit */
		if (at < len)
			bytes[at] ^= (uint8_t)(1u << random_below(luck, 8));
		return len;
	case 1: /* one byte */
		if (at < len)
			bytes[at] = (uint8_t)random_next(luck);
		return len;
	case 2: /* cut out */
		n = n < len - at ? n : len - at;
		memmove(bytes + at, bytes + at + n, len - at - n);
		return len - n;
	case 3: /* the other's end in the place of this one's */
		n = other->len - from;
		n = n < INPUT_BYTES - at ? n : INPUT_BYTES - at;
		memcpy(bytes + at, other->bytes + from, n);
		return at + n;
	default: /* some bytes of the other's put in */
		n = n < other->len - from ? n : other->len - from;
		n = n < INPUT_BYTES - len ? n : INPUT_BYTES - len;
		memmove(bytes + at + n, bytes + at, len - at);
		memcpy(bytes + at, other->bytes + from, n);
		return len + n;
	}
}

static void
run_changed(size_t nruns, uint64_t luck)
{
	uint8_t *bytes = malloc(INPUT_BYTES);

	must(bytes != NULL);
	for (size_t i = 0; i < nruns && nseeds > 0; i++) {
		const struct seed_input *s =
			&seeds[random_below(&luck, nseeds)];
		size_t len = s->len;

		memcpy(bytes, s->bytes, len);
		for (size_t k = random_below(&luck, 6); k != (size_t)-1; k--)
			len = change(bytes, len, &luck);
		run(bytes, len);
	}
	free(bytes);
}

static const char *
value_of(const char *argument, const char *name)
{
	size_t len = strlen(name);

	return strncmp(argument, name, len) == 0 ? argument + len : NULL;
}

int
main(int argc, char **argv)
{
	const char *prefix = "", *value;
	size_t nruns = 0;
	uint64_t seed = 1;

	for (int i = 1; i < argc; i++) {
		if ((value = value_of(argv[i], "-runs=")) != NULL)
			nruns = strtoul(value, NULL, 10);
		else if ((value = value_of(argv[i], "-seed=")) != NULL)
			seed = strtoull(value, NULL, 10);
		else if ((value = value_of(argv[i], "-artifact_prefix=")))
			prefix = value;
		else if (argv[i][0] != '-')
			add(argv[i]);
	}
	catch_ends(prefix);
	for (size_t i = 0; i < nseeds; i++)
		run(seeds[i].bytes, seeds[i].len);
	run_changed(nruns, seed);
	fprintf(stderr, "Done %zu runs, %zu of them files\n", nseeds + nruns,
		nseeds);
	for (size_t i = 0; i < nseeds; i++)
		free(seeds[i].bytes);
	free(seeds);
	return 0;
}
