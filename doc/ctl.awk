# ctl.awk -- the list of names of trimalloc-mallctl(3), from the preprocessed
# table.
BEGIN {
	FS = "@"
	type["BOOL"] = type["boolean"] = "bool"
	type["UNSIGNED"] = "unsigned"
	type["UINT32"] = "uint32_t"
	type["UINT64"] = "uint64_t"
	type["SIZE"] = type["count"] = "size_t"
	type["SSIZE"] = type["period"] = "ssize_t"
	type["STRING"] = type["choice"] = type["signal"] = type["string"] = "const char *"
	type["POINTER"] = "void *"
	type["VOID"] = "void"
}

function bare(s) {
	gsub(/^[ \t]+|[ \t]+$/, "", s)
	gsub(/" *"/, "", s)
	gsub(/"/, "", s)
	return s
}

function roff(s) {
	gsub(/-/, "\\-", s)
	return s
}

function sentence(s) {
	return toupper(substr(s, 1, 1)) roff(substr(s, 2)) "."
}

# The names' first part is the heading that they stand under.
function heading(name,    n, part) {
	n = split(name, part, ".")
	if (n == 1)
		return "the whole"
	if (part[2] == "arenas" && part[1] == "stats")
		return "stats.arenas.<i>: an arena, or all of them"
	return part[1] "."
}

/^ *(ROW|ABSENT)/ {
	name = bare($2)
	if (heading(name) != last)
		print ".SS \"" roff(heading(name)) "\""
	last = heading(name)
	what = type[bare($3)]
	if (what == "") {
		print "ctl.awk: no type is named " bare($3) > "/dev/stderr"
		failed = 1
		exit 1
	}
	access = (bare($4) == "none" ? "-" : "r") (bare($5) == "none" ? "-" : "w")
	if (what == "void")
		access = "--"
	note = bare($6)
	print ".TP"
	if (bare($1) == "ABSENT")
		printf ".BR %s \" (%s): ENOENT\"\n", name, what
	else
		printf ".BR %s \" (%s) %s\"\n", name, what, roff(access)
	if (note == "")
		note = "as the manual of jemalloc says"
	print sentence(note)
	nrows++
}

END {
	if (failed || nrows < 200) {
		print "ctl.awk: the table has too few rows" > "/dev/stderr"
		exit 1
	}
}
