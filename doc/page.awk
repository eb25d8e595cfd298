# page.awk -- a manual page of section 7 from a page of doc/ in Markdown.
#
#	awk -f page.awk -v name=N -v about="TEXT" -v date=D -v version=V FILE
#
# What it knows: #, ## and ### titles, paragraphs, lists of one line per item or
# more, tables (an entry per row, the first column is the term), blocks that are
# indented by four, and `code` and *words* within a line. Links lose their target.

BEGIN {
	printf ".\\\" Made from the Markdown of the same text.\n"
	printf ".TH %s 7 \"%s\" \"trimalloc %s\" \"Miscellaneous\"\n", toupper(name), date, version
	printf ".SH NAME\n%s \\- %s\n", name, about
}

# Text with its marks as fonts; what roff would take for its own is spelled out.
function roff(text,    out, n, i, part) {
	gsub(/\\\|/, "\001", text)
	gsub(/\\/, "\\e", text)
	gsub(/\[[^]]*\]\([^)]*\)/, "&\002", text)
	while (match(text, /\[[^]]*\]\([^)]*\)\002/)) {
		part = substr(text, RSTART + 1, RLENGTH - 2)
		sub(/\].*/, "", part)
		text = substr(text, 1, RSTART - 1) part substr(text, RSTART + RLENGTH)
	}
	n = split(text, piece, "`")
	for (i = 1; i <= n; i++) {
		part = piece[i]
		gsub(/\001/, "|", part)
		if (i % 2 == 0) {
			gsub(/-/, "\\-", part)
			gsub(/\047/, "\\(aq", part)
			gsub(/\^/, "\\(ha", part)
			gsub(/~/, "\\(ti", part)
			out = out "\\fB" part "\\fP"
		} else {
			while (match(part, /\*[^* ][^*]*\*/))
				part = substr(part, 1, RSTART - 1) "\\fI" \
					substr(part, RSTART + 1, RLENGTH - 2) "\\fP" \
					substr(part, RSTART + RLENGTH)
			out = out part
		}
	}
	if (out ~ /^[.\047]/)
		out = "\\&" out
	return out
}

# One line of output for each sentence, as roff wants it.
function paragraph(text) {
	text = roff(text)
	gsub(/\. +/, ".\n", text)
	gsub(/\n[.\047]/, "\n\\\\\\&&", text)
	print text
}

function flush() {
	if (kept == "")
		return
	if (kind == "item")
		print ".IP \\(bu 2"
	else if (!first)
		print ".PP"
	paragraph(kept)
	first = 0
	kept = kind = ""
}

function leave_code() {
	if (in_code)
		print ".EE\n.RE"
	in_code = 0
}

function cells(line) {
	sub(/^\| */, "", line)
	sub(/ *\| *$/, "", line)
	gsub(/\\\|/, "\003", line)
	count = split(line, cell, / *\| */)
	for (i = 1; i <= count; i++)
		gsub(/\003/, "\\|", cell[i])
}

/^    / {
	flush()
	if (!in_code)
		print (first ? "" : ".PP\n") ".RS 4\n.EX"
	in_code = 1
	first = 0
	line = substr($0, 5)
	gsub(/\\/, "\\e", line)
	gsub(/-/, "\\-", line)
	gsub(/\047/, "\\(aq", line)
	if (line ~ /^\./)
		line = "\\&" line
	print line
	next
}
/^$/ { flush(); blank = 1; in_table = 0; next }
{ leave_code() }
/^# / { next }
/^## / { flush(); print ".SH " toupper(roff(substr($0, 4))); first = 1; next }
/^### / { flush(); print ".SS " roff(substr($0, 5)); first = 1; next }
/^\|/ {
	flush()
	cells($0)
	if (!in_table) {
		in_table = 1
		next
	}
	if ($0 ~ /^\|[-:| ]*$/)
		next
	print ".TP"
	print roff(cell[1])
	for (j = 2; j <= count; j++)
		if (cell[j] != "")
			paragraph(cell[j])
	first = 0
	next
}
/^- / { flush(); kind = "item"; kept = substr($0, 3); next }
{
	sub(/^ +/, "")
	if (kept == "" && !body) {
		body = 1
		print ".SH DESCRIPTION"
		first = 1
	}
	kept = kept == "" ? $0 : kept " " $0
}
END { flush(); leave_code() }
