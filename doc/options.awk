# options.awk -- the OPTIONS list of trimalloc.conf(5), from the preprocessed
# option table.
BEGIN { FS = "@" }

function bare(s) {
	gsub(/^[ \t"]+|[ \t"]+$/, "", s)
	gsub(/" *"/, "", s)
	return s
}

function minus(s) {
	s = bare(s)
	gsub(/-/, "\\-", s)
	return s
}

# "a|b|c" as a, b or c, each in bold.
function words(s,    n, i, word, text) {
	n = split(s, word, "|")
	text = word[1]
	for (i = 2; i <= n; i++)
		text = text (i < n ? " \", \" " : " \" or \" ") word[i]
	return text
}

/^ *ROW/ {
	kind = bare($3)
	value = bare($4)
	if (kind == "boolean")
		value = value == 1 ? "true" : "false"
	print ".TP"
	bounds = ""
	if (kind != "boolean")
		bounds = ", " minus($5) " to " minus($6) " " bare($7)
	if (kind == "string") {
		value = "none"
		bounds = ", at most " minus($6) " bytes"
	}
	if (kind == "signal")
		bounds = " name or number"
	if (kind == "choice")
		printf ".BR %s \" (\" %s \", default \" %s )\n", bare($2),
			words(bare($7)), value
	else
		printf ".BR %s \" (%s%s, default %s)\"\n", bare($2), kind,
			bounds, value
	text = minus($8)
	print toupper(substr(text, 1, 1)) substr(text, 2) "."
	nrows++
}

END {
	if (nrows == 0) {
		print "options.awk: the table has no rows" > "/dev/stderr"
		exit 1
	}
}
