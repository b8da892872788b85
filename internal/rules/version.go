package rules

import "strings"

// Major returns a name up to the first number of its version: "/foo/1" for "/foo/1.4.2"
// (R15). It reports false unless the name ends in a slash and a version of one, two or
// three numbers without leading zeros.
func Major(name string) (major string, ok bool) {
	slash := strings.LastIndexByte(name, '/')
	if slash < 0 {
		return "", false
	}
	first, numbers := 0, 0
	for rest, more := name[slash+1:], true; more; numbers++ {
		var n string
		n, rest, more = strings.Cut(rest, ".")
		if n == "" || len(n) > 1 && n[0] == '0' || strings.Trim(n, "0123456789") != "" {
			return "", false
		}
		if numbers == 0 {
			first = len(n)
		}
	}
	return name[:slash+1+first], numbers <= 3
}
