# SPDX-License-Identifier: MIT
# awk -f compare.awk COMMITTED BOOTED: prints the table BOOTED, with what may differ made equal to
# COMMITTED. The verifier's instructions for a program have a budget, for a new compiler or kernel
# moves them a little: a quarter and 100 more than committed. What counted without having been
# asked to is left out.
function section_of(line) { return line ~ /^ / ? section : $1 }

FNR == 1 { section = "" }
{ section = section_of($0) }

NR == FNR {
	known[section, $1] = $0
	if (section == "program" && $2 ~ /^[0-9]+$/)
		budget[$1] = int($2 * 1.25) + 100
	next
}
section == "program" && $1 in budget && $2 ~ /^[0-9]+$/ {
	print $2 <= budget[$1] ? known[section, $1] : $0 ", over its budget of " budget[$1]
	next
}
section == "counted" && /^ / && !((section, $1) in known) { next }
{ print }
