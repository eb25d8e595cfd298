/*
 * pattern.c -- see pattern.h.
 */
#include "pattern.h"

#define MS_PER_DAY UINT64_C(86400000)

static void
text_digits_of(struct text *t, uint64_t n, unsigned width)
{
	char digits[8];

	for (unsigned i = width; i > 0; i--) {
		digits[i - 1] = (char)('0' + n % 10);
		n /= 10;
	}
	text_mem(t, digits, width);
}

static bool
is_leap(unsigned year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned
days_of_month(unsigned year, unsigned month)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30,
					      31, 31, 30, 31, 30, 31 };

	return days[month] + (month == 1 && is_leap(year) ? 1u : 0u);
}

/* The day of a date, from days since 1970; no libc function: they take locks. */
static void
text_date(struct text *t, uint64_t days)
{
	unsigned year = 1970, month = 0;

	for (; days >= 365u + is_leap(year); year++)
		days -= 365u + is_leap(year);
	for (; days >= days_of_month(year, month); month++)
		days -= days_of_month(year, month);
	text_digits_of(t, year, 4);
	text_digits_of(t, month + 1, 2);
	text_digits_of(t, days + 1, 2);
}

static void
text_time(struct text *t, uint64_t ms)
{
	uint64_t of_day = ms % MS_PER_DAY;

	text_date(t, ms / MS_PER_DAY);
	text_str(t, "T");
	text_digits_of(t, of_day / 3600000, 2);
	text_digits_of(t, of_day / 60000 % 60, 2);
	text_digits_of(t, of_day / 1000 % 60, 2);
	text_str(t, ".");
	text_digits_of(t, of_day % 1000, 3);
	text_str(t, "Z");
}

void
pattern_expand(struct text *out, const char *p, const struct pattern *v)
{
	for (; *p != '\0'; p++) {
		if (p[0] != '%') {
			text_mem(out, p, 1);
			continue;
		}
		switch (p[1]) {
		case 'p':
			text_int(out, v->pid);
			break;
		case 'n':
			text_uint(out, v->n);
			break;
		case 't':
			text_time(out, v->time_ms);
			break;
		case '%':
			text_str(out, "%");
			break;
		default:
			text_str(out, "%");
			continue;
		}
		p++;
	}
}

bool
pattern_has(const char *p, char letter)
{
	for (; p[0] != '\0' && p[1] != '\0'; p++) {
		if (p[0] != '%')
			continue;
		if (p[1] == letter)
			return true;
		/* The second of "%%" begins nothing. */
		p += p[1] == '%';
	}
	return false;
}
