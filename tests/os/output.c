/*
 * output.c -- files are whole, older ones make room, and a reader of standard
 * error who does not read is not waited for.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "os/os.h"
#include "os/output.h"
#include "unit.h"

/* Each test has a folder of its own and is in it. */
static int
new_folder(void **state)
{
	char folder[] = "/tmp/trimalloc-output-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	return 0;
}

static int
remove_folder(void **state)
{
	char folder[256];
	DIR *d = opendir(".");

	(void)state;
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		if (e->d_name[0] != '.')
			unlink(e->d_name);
	}
	closedir(d);
	assert_non_null(getcwd(folder, sizeof folder));
	assert_int_equal(chdir("/"), 0);
	return rmdir(folder);
}

static unsigned
count_files(void)
{
	unsigned n = 0;
	DIR *d = opendir(".");

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static const char *
content(const char *path)
{
	static char buf[256];
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return "(none)";
	n = read(fd, buf, sizeof buf - 1);
	assert_true(n >= 0);
	buf[n] = '\0';
	close(fd);
	return buf;
}

static void
put(const char *path, const char *s)
{
	assert_int_equal(output_file(path, 1, s, strlen(s)), 0);
}

/* --- files ------------------------------------------------------------------ */

static void
a_file_takes_the_place_of_the_one_before(void **state)
{
	struct stat st;

	(void)state;
	put("f", "one");
	assert_string_equal(content("f"), "one");
	put("f", "");
	assert_string_equal(content("f"), "");
	put("f", "three");
	assert_string_equal(content("f"), "three");
	assert_int_equal(count_files(), 1);
	assert_int_equal(stat("f", &st), 0);
	assert_int_equal(st.st_mode & 0133, 0);
}

static void
what_cannot_be_made_leaves_nothing(void **state)
{
	char path[OUTPUT_PATH_BYTES + 100];

	(void)state;
	assert_int_equal(output_file("none/f", 1, "x", 1), ENOENT);
	assert_int_equal(mkdir("folder", 0700), 0);
	assert_int_equal(output_file("folder", 1, "x", 1), EISDIR);
	assert_int_equal(count_files(), 1);
	assert_int_equal(rmdir("folder"), 0);
	memset(path, 'x', sizeof path - 1);
	path[sizeof path - 1] = '\0';
	assert_int_equal(output_file(path, 1, "x", 1), ENAMETOOLONG);
	assert_int_equal(count_files(), 0);
}

/* A path that has room for itself, and not for that of the file beside it. */
static void
a_path_that_is_almost_too_long_is_refused_as_one(void **state)
{
	char path[OUTPUT_PATH_BYTES];

	(void)state;
	for (size_t i = 0; i + 2 < sizeof path; i += 2)
		memcpy(path + i, "./", 2);
	strcpy(path + sizeof path - 4, "/f");
	put("f", "one");
	assert_string_equal(content(path), "one");
	assert_int_equal(output_file(path, 1, "two", 3), ENAMETOOLONG);
	assert_int_equal(output_file(path, 5, "two", 3), ENAMETOOLONG);
	assert_string_equal(content("f"), "one");
	assert_int_equal(count_files(), 1);
}

static void
what_is_no_file_is_left_alone(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(mkfifo("f", 0600), 0);
	assert_int_equal(output_file("f", 3, "x", 1), EEXIST);
	assert_int_equal(lstat("f", &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	output_remove("f");
	assert_int_equal(symlink("nowhere", "f"), 0);
	assert_int_equal(output_file("f", 3, "x", 1), EEXIST);
	assert_int_equal(lstat("f", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	output_remove("f");
	assert_int_equal(count_files(), 0);
}

static void
do_fill_the_disk(void)
{
	struct rlimit limit = { 10, RLIM_INFINITY };
	static char big[100000];

	put("f", "before");
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (unsigned keep = 1; keep <= 3; keep++)
		assert_int_equal(output_file("f", keep, big, sizeof big),
				 EFBIG);
	assert_string_equal(content("f"), "before");
	assert_int_equal(count_files(), 1);
	/* For the counters of a build with gcov. */
	limit.rlim_cur = RLIM_INFINITY;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void
what_does_not_fit_leaves_the_file_before(void **state)
{
	(void)state;
	assert_int_equal(child_status(do_fill_the_disk), 0);
}

static _Atomic bool is_over;

static void *
read_always(void *arg)
{
	uintptr_t n = 0;

	(void)arg;
	while (!atomic_load(&is_over)) {
		static char buf[1 << 17];
		int fd = open("f", O_RDONLY);
		ssize_t len;

		assert_true(fd >= 0);
		len = read(fd, buf, sizeof buf);
		assert_int_equal(len, 100000);
		assert_true(is_all(buf, (unsigned char)buf[0], (size_t)len));
		close(fd);
		n++;
	}
	return (void *)n;
}

static void
a_reader_sees_whole_files_alone(void **state)
{
	static char big[100000];
	pthread_t thread;
	void *n;

	(void)state;
	assert_int_equal(output_file("f", 1, big, sizeof big), 0);
	assert_int_equal(pthread_create(&thread, NULL, read_always, NULL), 0);
	for (int i = 0; i < 300; i++) {
		memset(big, 'a' + i % 26, sizeof big);
		assert_int_equal(output_file("f", 3, big, sizeof big), 0);
	}
	atomic_store(&is_over, true);
	assert_int_equal(pthread_join(thread, &n), 0);
	assert_true((uintptr_t)n > 0);
	assert_int_equal(count_files(), 3);
}

/* --- rotation ----------------------------------------------------------------- */

static void
put_next(const char *s, unsigned keep)
{
	assert_int_equal(output_file("f", keep, s, strlen(s)), 0);
}

static void
older_files_move_up_and_the_oldest_goes(void **state)
{
	(void)state;
	put_next("1", 3);
	assert_int_equal(count_files(), 1);
	put_next("2", 3);
	assert_string_equal(content("f"), "2");
	assert_string_equal(content("f.1"), "1");
	put_next("3", 3);
	put_next("4", 3);
	assert_string_equal(content("f"), "4");
	assert_string_equal(content("f.1"), "3");
	assert_string_equal(content("f.2"), "2");
	assert_int_equal(count_files(), 3);
}

static void
one_file_is_replaced(void **state)
{
	(void)state;
	put_next("1", 1);
	put_next("2", 1);
	assert_string_equal(content("f"), "2");
	assert_int_equal(count_files(), 1);
}

static void
a_gap_is_filled_first(void **state)
{
	(void)state;
	put("f.2", "old");
	put("f", "1");
	put_next("2", 5);
	assert_string_equal(content("f.1"), "1");
	assert_string_equal(content("f.2"), "old");
	assert_int_equal(count_files(), 3);
}

static void
the_first_file_has_none_to_move(void **state)
{
	(void)state;
	put_next("1", 5);
	assert_int_equal(count_files(), 1);
	output_remove("f");
	assert_int_equal(count_files(), 0);
	output_remove("f");
}

/* --- standard error -------------------------------------------------------------- */

static void
standard_error_gets_it_all(void **state)
{
	static char big[20000], said[30000];
	struct hearing h = hear();

	(void)state;
	memset(big, 'x', sizeof big);
	assert_int_equal(output_stderr(big, sizeof big), sizeof big);
	heard(h, said, sizeof said);
	assert_int_equal(strlen(said), sizeof big);
}

/* Its flags are the program's, so they are not changed either. */
static void
who_does_not_read_is_waited_for_a_second(void)
{
	static char big[1 << 20];
	uint64_t before = os_now_ns(), ns;
	size_t n;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	n = output_stderr(big, sizeof big);
	ns = os_now_ns() - before;
	assert_true(n >= 4096 && n < sizeof big);
	assert_true(ns >= 1000000000 && ns < UINT64_C(20000000000));
	assert_int_equal(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
}

static void
who_does_not_listen_any_more_is_left_alone(void)
{
	int fds[2];

	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	close(fds[0]);
	assert_int_equal(output_stderr("x", 1), 0);
	close(STDERR_FILENO);
	assert_int_equal(output_stderr("x", 1), 0);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, new_folder, remove_folder)
	const struct CMUnitTest tests[] = {
		TEST(a_file_takes_the_place_of_the_one_before),
		TEST(what_cannot_be_made_leaves_nothing),
		TEST(a_path_that_is_almost_too_long_is_refused_as_one),
		TEST(what_is_no_file_is_left_alone),
		TEST(what_does_not_fit_leaves_the_file_before),
		TEST(a_reader_sees_whole_files_alone),
		TEST(older_files_move_up_and_the_oldest_goes),
		TEST(one_file_is_replaced),
		TEST(a_gap_is_filled_first),
		TEST(the_first_file_has_none_to_move),
		cmocka_unit_test(standard_error_gets_it_all),
		alone(who_does_not_read_is_waited_for_a_second),
		alone(who_does_not_listen_any_more_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
